//! Sessions run models.
use crate::error::{check, Error, Status};
use crate::model::{Env, Model};
use crate::tensor::Tensor;
use std::ffi::CString;
use std::marker::PhantomData;
use std::ops::Deref;
use std::ptr;
use std::time::Duration;
use xinf_sys as sys;

/// How a session works; `Default` is what the library chooses.
#[derive(Clone, Debug, Default)]
pub struct SessionOptions {
    /// 0: the CPUs this process may use.
    pub threads: i32,
    /// The most the CPU may use: "portable", "avx2", "avx512", "neon".
    pub isa: Option<String>,
    /// Bytes for intermediate results and packed weights; 0: no limit.
    pub memory_limit: u64,
    /// Operators in one run; 0: no limit.
    pub max_steps: u64,
}

/// Ends runs from another thread; stays set until reset.
pub struct Cancel {
    cancel: *mut sys::xinf_cancel,
}

// xinf.h: trigger may be called from any thread; the token is one atomic number.
unsafe impl Send for Cancel {}
unsafe impl Sync for Cancel {}

impl Cancel {
    pub fn new(env: &Env) -> Result<Cancel, Error> {
        let mut cancel = ptr::null_mut();
        check(|err| unsafe { sys::xinf_cancel_create(&mut cancel, env.env, err) })?;
        Ok(Cancel { cancel })
    }

    pub fn trigger(&self) {
        unsafe { sys::xinf_cancel_trigger(self.cancel) }
    }

    pub fn reset(&self) {
        unsafe { sys::xinf_cancel_reset(self.cancel) }
    }
}

impl Drop for Cancel {
    fn drop(&mut self) {
        unsafe { sys::xinf_cancel_destroy(self.cancel) }
    }
}

#[derive(Clone, Copy, Default)]
pub struct RunOptions<'a> {
    pub cancel: Option<&'a Cancel>,
    pub deadline: Option<Duration>,
}

/// Runs one model, one call at a time. `Send`, and not `Sync`:
///
/// ```compile_fail
/// fn needs_sync<T: Sync>() {}
/// needs_sync::<xinf::Session>();
/// ```
pub struct Session {
    session: *mut sys::xinf_session,
    outputs: usize,
}

// xinf.h: a session has no thread that it belongs to; calls one after another may come from different ones.
unsafe impl Send for Session {}

impl Session {
    pub fn new(model: &Model) -> Result<Session, Error> {
        Session::with_options(model, &SessionOptions::default())
    }

    pub fn with_options(model: &Model, options: &SessionOptions) -> Result<Session, Error> {
        let isa = options.isa.as_deref().map(CString::new).transpose();
        let isa = isa.map_err(|_| Error::new(Status::InvalidArgument, "isa holds a NUL"))?;
        let mut given: sys::xinf_session_options = unsafe { std::mem::zeroed() };
        given.struct_size = std::mem::size_of_val(&given) as u32;
        given.threads = options.threads;
        given.isa = isa.as_ref().map_or(ptr::null(), |text| text.as_ptr());
        given.memory_limit = options.memory_limit;
        given.max_steps = options.max_steps;
        let mut session = ptr::null_mut();
        check(|err| unsafe { sys::xinf_session_create(&mut session, model.model, &given, err) })?;
        let outputs = unsafe { sys::xinf_model_output_count(model.model) } as usize;
        Ok(Session { session, outputs })
    }

    /// Runs once; inputs stand in the model's order. The outputs are the session's until its next run:
    ///
    /// ```compile_fail
    /// fn twice(session: &mut xinf::Session, input: &xinf::Tensor) -> Result<(), xinf::Error> {
    ///     let first = session.run(&[input])?;
    ///     let second = session.run(&[input])?;
    ///     println!("{} {}", first.len(), second.len());
    ///     Ok(())
    /// }
    /// ```
    pub fn run(&mut self, inputs: &[&Tensor]) -> Result<Outputs<'_>, Error> {
        self.run_with(inputs, RunOptions::default())
    }

    pub fn run_with(&mut self, inputs: &[&Tensor], options: RunOptions<'_>) -> Result<Outputs<'_>, Error> {
        let given: Vec<_> = inputs.iter().map(|t| t.tensor).collect();
        let mut made = vec![ptr::null_mut(); self.outputs];
        let mut how: sys::xinf_run_options = unsafe { std::mem::zeroed() };
        how.struct_size = std::mem::size_of_val(&how) as u32;
        how.cancel = options.cancel.map_or(ptr::null_mut(), |c| c.cancel);
        // 0 would mean no deadline.
        how.deadline_us = options.deadline.map_or(0, |d| u64::try_from(d.as_micros()).unwrap_or(u64::MAX).max(1));
        let (inputs_len, outputs_len) = (given.len() as i32, made.len() as i32);
        check(|err| unsafe {
            sys::xinf_session_run(self.session, given.as_ptr(), inputs_len, made.as_mut_ptr(), outputs_len, &how, err)
        })?;
        Ok(Outputs { tensors: made.into_iter().map(|tensor| Tensor { tensor }).collect(), session: PhantomData })
    }

    /// Gives the state values their initial contents again.
    pub fn reset(&mut self) -> Result<(), Error> {
        check(|err| unsafe { sys::xinf_session_reset(self.session, err) })
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        unsafe { sys::xinf_session_destroy(self.session) }
    }
}

/// The outputs of one run, in the model's order, borrowed from the session.
pub struct Outputs<'s> {
    tensors: Vec<Tensor>,
    session: PhantomData<&'s mut Session>,
}

impl Deref for Outputs<'_> {
    type Target = [Tensor];
    fn deref(&self) -> &[Tensor] {
        &self.tensors
    }
}
