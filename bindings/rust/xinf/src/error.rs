//! What went wrong, as a kind to match on and a sentence to show.
use std::ffi::CStr;
use std::fmt;

/// The statuses of `xinf.h`; `Other` is one of a newer library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    InvalidArgument,
    OutOfMemory,
    Io,
    Malformed,
    Unsupported,
    Limit,
    Mismatch,
    RunError,
    Cancelled,
    Deadline,
    Busy,
    Device,
    Internal,
    Other(i32),
}

impl Status {
    fn of(number: i32) -> Status {
        match number {
            1 => Status::InvalidArgument,
            2 => Status::OutOfMemory,
            3 => Status::Io,
            4 => Status::Malformed,
            5 => Status::Unsupported,
            6 => Status::Limit,
            7 => Status::Mismatch,
            8 => Status::RunError,
            9 => Status::Cancelled,
            10 => Status::Deadline,
            11 => Status::Busy,
            12 => Status::Device,
            13 => Status::Internal,
            other => Status::Other(other),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    pub status: Status,
    pub message: String,
}

impl Error {
    pub(crate) fn new(status: Status, message: impl Into<String>) -> Error {
        Error { status, message: message.into() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// Calls with a place for the sentence, and makes an `Error` of a status that is not 0.
pub(crate) fn check(call: impl FnOnce(*mut xinf_sys::xinf_error) -> i32) -> Result<(), Error> {
    let mut err: xinf_sys::xinf_error = unsafe { std::mem::zeroed() };
    err.struct_size = std::mem::size_of_val(&err) as u32;
    let status = call(&mut err);
    if status == 0 {
        return Ok(());
    }
    let message = unsafe { CStr::from_ptr(err.message.as_ptr()) };
    Err(Error::new(Status::of(status), message.to_string_lossy()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers above are those of the header.
    #[test]
    fn statuses_are_the_headers() {
        for number in 1..14 {
            let name = unsafe { CStr::from_ptr(xinf_sys::xinf_status_name(number)) }.to_str().unwrap();
            let mine = format!("XINF_{:?}", Status::of(number)).replace('_', "").to_uppercase();
            assert_eq!(name.replace('_', ""), mine);
        }
    }
}
