//! Opens trained models and runs them: a safe binding of libxinf.
//!
//! ```no_run
//! use xinf::{Env, Session, Tensor};
//! let env = Env::new()?;
//! let model = env.load("model.onnx")?;
//! let mut session = Session::new(&model)?;
//! let image = Tensor::from_vec(&env, &[1, 1, 8, 8], vec![0f32; 64])?;
//! let outputs = session.run(&[&image])?;
//! println!("{:?}", outputs[0].as_slice::<f32>()?);
//! # Ok::<(), xinf::Error>(())
//! ```
//!
//! Threads: [`Env`], [`Model`], [`Tensor`] and [`Cancel`] are `Send` and `Sync`. A [`Session`] is `Send` and runs by `&mut self`,
//! one call at a time; give each thread one of its own, they share the model's weights. Objects keep alive what they use.
//! Outputs are borrowed from their session until its next run.

mod error;
mod model;
mod session;
mod tensor;

pub use error::{Error, Status};
pub use model::{Env, Kind, Model, ValueInfo};
pub use session::{Cancel, Outputs, RunOptions, Session, SessionOptions};
pub use tensor::{Dtype, Element, Tensor};

/// The version of the library that is linked in.
pub fn version() -> &'static str {
    // A static string of ASCII.
    unsafe { std::ffi::CStr::from_ptr(xinf_sys::xinf_version()) }.to_str().unwrap_or("")
}
