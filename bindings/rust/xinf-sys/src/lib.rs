//! libxinf as C declares it; `xinf.h` says what each function does. The crate `xinf` is the safe way to the same.
#![allow(non_camel_case_types, non_snake_case, non_upper_case_globals)]

include!(concat!(env!("OUT_DIR"), "/xinf.rs"));
