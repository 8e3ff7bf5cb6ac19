/* ref_cast_text.h — numbers to and from strings, the same in every locale. */
#ifndef XK_REF_CAST_TEXT_H
#define XK_REF_CAST_TEXT_H

#include "plan/kernel.h"

/* Cast where the input or the output holds strings. */
xinf_status xk_cast_text(const xi_call *call, xinf_error *err);

#endif
