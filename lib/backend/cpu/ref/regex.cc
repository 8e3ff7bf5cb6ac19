// regex.cc — the only file in C++: RE2 has no other interface.
#include "backend/cpu/ref/regex.h"

#include <cstdio>
#include <new>

#include <re2/re2.h>

extern "C" xk_regex *xk_regex_create(const char *pattern, size_t length, char *why, size_t size)
{
    RE2 *re = nullptr;
    try {
        RE2::Options options(RE2::Quiet);
        options.set_max_mem(8 << 20);
        re = new (std::nothrow) RE2(re2::StringPiece(pattern, length), options);
        if (re && re->ok()) return reinterpret_cast<xk_regex *>(re);
        std::snprintf(why, size, "%s", re ? re->error().c_str() : "memory ended");
    } catch (...) {
        std::snprintf(why, size, "memory ended");
    }
    delete re;
    return nullptr;
}

extern "C" bool xk_regex_matches(const xk_regex *r, const char *text, size_t length)
{
    try {
        return RE2::FullMatch(re2::StringPiece(text, length), *reinterpret_cast<const RE2 *>(r));
    } catch (...) {
        return false;
    }
}

extern "C" void xk_regex_destroy(xk_regex *r)
{
    delete reinterpret_cast<RE2 *>(r);
}
