//! Environments and models.
use crate::error::{check, Error, Status};
use crate::tensor::Dtype;
use std::ffi::{c_char, c_void, CStr, CString};
use std::path::Path;
use std::ptr;
use xinf_sys as sys;

/// What objects share, and the loader of models.
pub struct Env {
    pub(crate) env: *mut sys::xinf_env,
    loader: *mut sys::xinf_loader,
}

// xinf.h: environment and loader may be used from any thread.
unsafe impl Send for Env {}
unsafe impl Sync for Env {}

unsafe extern "C" fn read_bytes(this: *mut c_void, offset: u64, dst: *mut c_void, size: usize) -> i32 {
    let bytes = &*(this as *const Vec<u8>);
    match usize::try_from(offset).ok().and_then(|start| bytes.get(start..start.checked_add(size)?)) {
        Some(part) => {
            ptr::copy_nonoverlapping(part.as_ptr(), dst as *mut u8, size);
            0
        }
        None => 1,
    }
}

unsafe extern "C" fn map_bytes(this: *mut c_void) -> *const c_void {
    (*(this as *const Vec<u8>)).as_ptr() as *const c_void
}

unsafe extern "C" fn release_bytes(this: *mut c_void) {
    drop(Box::from_raw(this as *mut Vec<u8>));
}

impl Env {
    pub fn new() -> Result<Env, Error> {
        // Made empty first, so that a failure of the second part gives back the first.
        let mut made = Env { env: ptr::null_mut(), loader: ptr::null_mut() };
        check(|err| unsafe { sys::xinf_env_create(&mut made.env, ptr::null(), err) })?;
        check(|err| unsafe { sys::xinf_loader_create(&mut made.loader, made.env, ptr::null(), err) })?;
        Ok(made)
    }

    /// Opens a model of any known format. Its file must not change while the model lives.
    pub fn load(&self, path: impl AsRef<Path>) -> Result<Model, Error> {
        let path = path.as_ref();
        let text = path.to_str().and_then(|t| CString::new(t).ok());
        let text = text.ok_or_else(|| Error::new(Status::InvalidArgument, format!("{}: not a path in UTF-8", path.display())))?;
        let mut out = ptr::null_mut();
        check(|err| unsafe { sys::xinf_loader_load(&mut out, self.loader, text.as_ptr(), ptr::null(), err) })?;
        Ok(Model { model: out })
    }

    /// The same from the bytes of a file, which the model keeps.
    pub fn load_bytes(&self, bytes: Vec<u8>) -> Result<Model, Error> {
        let size = bytes.len() as u64;
        let kept = Box::into_raw(Box::new(bytes));
        let mut source: sys::xinf_source = unsafe { std::mem::zeroed() };
        source.struct_size = std::mem::size_of_val(&source) as u32;
        source.size = size;
        source.self_ = kept as *mut c_void;
        source.read_at = Some(read_bytes);
        source.map = Some(map_bytes);
        source.release = Some(release_bytes);
        let mut out = ptr::null_mut();
        if let Err(error) = check(|err| unsafe { sys::xinf_loader_load_source(&mut out, self.loader, &source, ptr::null(), err) }) {
            // A source is released only by a model that was made.
            drop(unsafe { Box::from_raw(kept) });
            return Err(error);
        }
        Ok(Model { model: out })
    }
}

impl Drop for Env {
    fn drop(&mut self) {
        unsafe {
            sys::xinf_loader_destroy(self.loader);
            sys::xinf_env_destroy(self.env);
        }
    }
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    None,
    Tensor,
    Sequence,
    Map,
}

impl Kind {
    pub(crate) fn of(number: i32) -> Kind {
        match number {
            1 => Kind::Tensor,
            2 => Kind::Sequence,
            3 => Kind::Map,
            _ => Kind::None,
        }
    }
}

/// A declared input or output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueInfo {
    pub name: String,
    pub kind: Kind,
    pub dtype: Dtype,
    /// `None` where not even the rank is declared; a dimension that is not fixed is `None`.
    pub shape: Option<Vec<Option<i64>>>,
    pub optional: bool,
}

/// An immutable model, shared by any number of sessions.
pub struct Model {
    pub(crate) model: *mut sys::xinf_model,
}

// xinf.h: a model is immutable and may be used from any thread.
unsafe impl Send for Model {}
unsafe impl Sync for Model {}

type Ask = unsafe extern "C" fn(*const sys::xinf_model, i32, *mut sys::xinf_value_info, *mut sys::xinf_error) -> i32;

unsafe fn text(pointer: *const c_char) -> String {
    if pointer.is_null() {
        return String::new();
    }
    CStr::from_ptr(pointer).to_string_lossy().into_owned()
}

impl Model {
    fn ask(&self, function: Ask, index: i32) -> Result<ValueInfo, Error> {
        let mut info: sys::xinf_value_info = unsafe { std::mem::zeroed() };
        info.struct_size = std::mem::size_of_val(&info) as u32;
        check(|err| unsafe { function(self.model, index, &mut info, err) })?;
        let dimension = |i| match unsafe { *info.shape.add(i) } {
            size if size >= 0 => Some(size),
            _ => None,
        };
        Ok(ValueInfo {
            name: unsafe { text(info.name) },
            kind: Kind::of(info.kind),
            dtype: Dtype(info.dtype),
            shape: usize::try_from(info.rank).ok().map(|rank| (0..rank).map(dimension).collect()),
            optional: info.optional != 0,
        })
    }

    pub fn inputs(&self) -> Result<Vec<ValueInfo>, Error> {
        (0..unsafe { sys::xinf_model_input_count(self.model) }).map(|i| self.ask(sys::xinf_model_input, i)).collect()
    }

    pub fn outputs(&self) -> Result<Vec<ValueInfo>, Error> {
        (0..unsafe { sys::xinf_model_output_count(self.model) }).map(|i| self.ask(sys::xinf_model_output, i)).collect()
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        unsafe { sys::xinf_model_destroy(self.model) }
    }
}
