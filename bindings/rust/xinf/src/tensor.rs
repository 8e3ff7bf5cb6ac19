//! Tensors: elements, a type and a shape.
use crate::error::{check, Error, Status};
use crate::model::{Env, Kind};
use std::ffi::{c_void, CStr};
use std::fmt;
use std::ptr;
use xinf_sys as sys;

/// An element type, by its number in `xinf.h`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Dtype(pub i32);

impl fmt::Debug for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(unsafe { CStr::from_ptr(sys::xinf_dtype_name(self.0)) }.to_str().unwrap_or("undefined"))
    }
}

mod sealed {
    pub trait Sealed {}
}

/// A type that elements are read and written as. Every pattern of its bits is a value.
pub trait Element: Copy + Send + Sync + 'static + sealed::Sealed {
    const DTYPE: Dtype;
}

macro_rules! element {
    ($($type:ty = $number:ident),*) => {
        $(impl sealed::Sealed for $type {}
        impl Element for $type {
            const DTYPE: Dtype = Dtype(sys::$number as i32);
        })*
    };
}
element!(f32 = XINF_FLOAT32, f64 = XINF_FLOAT64, i8 = XINF_INT8, i16 = XINF_INT16, i32 = XINF_INT32, i64 = XINF_INT64);
element!(u8 = XINF_UINT8, u16 = XINF_UINT16, u32 = XINF_UINT32, u64 = XINF_UINT64);

/// One hold on a tensor, or on a sequence, map or none that a model gave.
pub struct Tensor {
    pub(crate) tensor: *mut sys::xinf_tensor,
}

// Holds are counted atomically; elements are written through &mut only, and runs take inputs as & and only read them.
unsafe impl Send for Tensor {}
unsafe impl Sync for Tensor {}

unsafe extern "C" fn release_vec<T>(this: *mut c_void) {
    drop(Box::from_raw(this as *mut Vec<T>));
}

impl Tensor {
    /// A tensor of zeros.
    pub fn zeros<T: Element>(env: &Env, shape: &[i64]) -> Result<Tensor, Error> {
        let mut tensor = ptr::null_mut();
        check(|err| unsafe { sys::xinf_tensor_create(&mut tensor, env.env, T::DTYPE.0, shape.as_ptr(), shape.len() as i32, err) })?;
        Ok(Tensor { tensor })
    }

    /// A tensor over the vector's own memory.
    pub fn from_vec<T: Element>(env: &Env, shape: &[i64], elements: Vec<T>) -> Result<Tensor, Error> {
        let size = std::mem::size_of_val(elements.as_slice());
        let kept = Box::into_raw(Box::new(elements));
        let mut tensor = ptr::null_mut();
        let made = check(|err| unsafe {
            let data = (*kept).as_mut_ptr() as *mut c_void;
            let rank = shape.len() as i32;
            let release = Some(release_vec::<T> as unsafe extern "C" fn(*mut c_void));
            sys::xinf_tensor_wrap(&mut tensor, env.env, T::DTYPE.0, shape.as_ptr(), rank, data, size, release, kept as *mut c_void, err)
        });
        if let Err(error) = made {
            drop(unsafe { Box::from_raw(kept) });
            return Err(error);
        }
        Ok(Tensor { tensor })
    }

    /// A tensor of an array, without a copy where the array is in C order.
    #[cfg(feature = "ndarray")]
    pub fn from_array<T: Element, D: ndarray::Dimension>(env: &Env, array: ndarray::Array<T, D>) -> Result<Tensor, Error> {
        let shape: Vec<i64> = array.shape().iter().map(|&n| n as i64).collect();
        let array = if array.is_standard_layout() { array } else { array.as_standard_layout().into_owned() };
        let (elements, offset) = array.into_raw_vec_and_offset();
        match offset {
            None | Some(0) if elements.len() as i64 == shape.iter().product::<i64>() => Tensor::from_vec(env, &shape, elements),
            _ => {
                let start = offset.unwrap_or(0);
                let count = shape.iter().product::<i64>() as usize;
                Tensor::from_vec(env, &shape, elements[start..start + count].to_vec())
            }
        }
    }

    /// The elements as an array, without a copy.
    #[cfg(feature = "ndarray")]
    pub fn as_array<T: Element>(&self) -> Result<ndarray::ArrayViewD<'_, T>, Error> {
        let shape: Vec<usize> = self.shape().iter().map(|&n| n as usize).collect();
        let view = ndarray::ArrayViewD::from_shape(shape, self.as_slice::<T>()?);
        view.map_err(|e| Error::new(Status::Internal, e.to_string()))
    }

    pub fn kind(&self) -> Kind {
        Kind::of(unsafe { sys::xinf_tensor_kind(self.tensor) })
    }

    pub fn dtype(&self) -> Dtype {
        Dtype(unsafe { sys::xinf_tensor_dtype(self.tensor) })
    }

    pub fn shape(&self) -> &[i64] {
        let rank = unsafe { sys::xinf_tensor_rank(self.tensor) };
        if rank <= 0 {
            return &[];
        }
        unsafe { std::slice::from_raw_parts(sys::xinf_tensor_shape(self.tensor), rank as usize) }
    }

    fn elements<T: Element>(&self) -> Result<(*mut T, usize), Error> {
        if self.kind() != Kind::Tensor || self.dtype() != T::DTYPE {
            let what = format!("elements are {:?}, asked for {:?}", self.dtype(), T::DTYPE);
            return Err(Error::new(Status::Mismatch, what));
        }
        let data = unsafe { sys::xinf_tensor_data(self.tensor) } as *mut T;
        let count = unsafe { sys::xinf_tensor_count(self.tensor) } as usize;
        Ok(if data.is_null() { (ptr::NonNull::dangling().as_ptr(), 0) } else { (data, count) })
    }

    /// The elements; an error when they are of another type.
    pub fn as_slice<T: Element>(&self) -> Result<&[T], Error> {
        let (data, count) = self.elements::<T>()?;
        Ok(unsafe { std::slice::from_raw_parts(data, count) })
    }

    pub fn as_mut_slice<T: Element>(&mut self) -> Result<&mut [T], Error> {
        let (data, count) = self.elements::<T>()?;
        Ok(unsafe { std::slice::from_raw_parts_mut(data, count) })
    }

    /// The bytes of string `index` of a tensor of strings.
    pub fn string(&self, index: i64) -> Option<&[u8]> {
        let mut size = 0;
        let bytes = unsafe { sys::xinf_tensor_string(self.tensor, index, &mut size) };
        (!bytes.is_null()).then(|| unsafe { std::slice::from_raw_parts(bytes as *const u8, size) })
    }
}

impl Drop for Tensor {
    fn drop(&mut self) {
        unsafe { sys::xinf_tensor_destroy(self.tensor) }
    }
}
