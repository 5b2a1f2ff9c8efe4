//! What comes from JavaScript, and what goes back. The TypeScript side has checked all of it, with better messages;
//! these checks are what the rest of the native code relies on.

use std::ffi::CString;
use std::ptr;

use napi::bindgen_prelude::{Either, FromNapiValue, ToNapiValue};
use napi::sys;
use napi_derive::napi;

use crate::errno::{errno_name, SysError, SysResult};
use crate::file::Lock;
use crate::mapping::{Mode, Span};

/// A refusal as JavaScript gets it: a value, not an exception, so that the error is made there, with what it was about.
#[napi(object, object_from_js = false)]
pub struct Failure {
    pub code: String,
    pub errno: i32,
    pub syscall: String,
    pub reason: String,
}

impl From<SysError> for Failure {
    fn from(error: SysError) -> Failure {
        Failure {
            code: errno_name(error.errno).to_owned(),
            errno: error.errno,
            syscall: error.syscall.to_owned(),
            reason: error.reason.into_owned(),
        }
    }
}

/// Nothing, or why not.
pub type Done = Option<Failure>;

/// A result, or why not.
pub type Got<T> = Either<T, Failure>;

pub fn done(result: SysResult<()>) -> Done {
    result.err().map(Failure::from)
}

pub fn got<T>(result: SysResult<T>) -> Got<T> {
    match result {
        Ok(value) => Either::A(value),
        Err(error) => Either::B(error.into()),
    }
}

/// A JavaScript number as a size or an offset: a whole number from 0 to 2^53-1.
pub fn whole(number: f64, syscall: &'static str) -> SysResult<u64> {
    const MAX_SAFE_INTEGER: f64 = 9_007_199_254_740_991.0;
    // NaN is in no range.
    match (0.0..=MAX_SAFE_INTEGER).contains(&number) && number.fract() == 0.0 {
        true => Ok(number as u64),
        false => Err(SysError::refused(
            libc::EINVAL,
            syscall,
            format!("expected a whole number from 0 to 2^53-1, got {number}"),
        )),
    }
}

/// A JavaScript number as a file descriptor, process or thread number, or word: a whole number that fits 32 bits.
pub fn int32(number: f64, syscall: &'static str) -> SysResult<i32> {
    let int = number as i32;
    match f64::from(int) == number {
        true => Ok(int),
        false => Err(SysError::refused(
            libc::EINVAL,
            syscall,
            format!("expected a whole number of 32 bits, got {number}"),
        )),
    }
}

pub fn c_path(path: String) -> SysResult<CString> {
    CString::new(path)
        .map_err(|_| SysError::refused(libc::EINVAL, "open", "the path has a zero byte in it"))
}

pub fn mode(name: &str) -> SysResult<Mode> {
    match name {
        "shared" => Ok(Mode::Shared),
        "private" => Ok(Mode::Private),
        "sync" => Ok(Mode::Sync),
        _ => Err(SysError::refused(libc::EINVAL, "mmap", "unknown mode")),
    }
}

pub fn file_lock(name: &str) -> SysResult<Lock> {
    match name {
        "exclusive" => Ok(Lock::Exclusive),
        "shared" => Ok(Lock::Shared),
        "none" => Ok(Lock::None),
        _ => Err(SysError::refused(libc::EINVAL, "flock", "unknown lock")),
    }
}

/// The bytes of a Uint8Array over any kind of buffer. Alive for as long as the call that got it, no JavaScript runs in
/// between, and nothing else keeps it.
pub struct Bytes {
    pub span: Span,
    pub value: sys::napi_value,
}

impl FromNapiValue for Bytes {
    unsafe fn from_napi_value(env: sys::napi_env, value: sys::napi_value) -> napi::Result<Self> {
        // SAFETY: the caller vouches for `env` and `value`.
        match unsafe { byte_span(env, value) } {
            Some(span) => Ok(Bytes { span, value }),
            None => Err(napi::Error::new(
                napi::Status::InvalidArg,
                "expected a Uint8Array",
            )),
        }
    }
}

/// Address and length of a Uint8Array, `None` for anything else. A detached one has length 0.
///
/// # Safety
/// `env` is the calling thread's, `value` a handle in it.
pub unsafe fn byte_span(env: sys::napi_env, value: sys::napi_value) -> Option<Span> {
    let mut kind = 0;
    let mut length = 0;
    let mut address = ptr::null_mut();
    // SAFETY: the caller vouches for `env` and `value`; a value that is no typed array is answered with a status. The
    // results that are not asked for may be null.
    let status = unsafe {
        sys::napi_get_typedarray_info(
            env,
            value,
            &mut kind,
            &mut length,
            &mut address,
            ptr::null_mut(),
            ptr::null_mut(),
        )
    };
    (status == sys::Status::napi_ok && kind == sys::TypedarrayType::uint8_array).then_some(Span {
        address: address.cast(),
        length,
    })
}

/// A value that was made by a Node-API call.
pub struct Made(pub sys::napi_value);

impl ToNapiValue for Made {
    unsafe fn to_napi_value(_env: sys::napi_env, made: Self) -> napi::Result<sys::napi_value> {
        Ok(made.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_whole_numbers_only() {
        for (number, value) in [
            (0.0, 0),
            (-0.0, 0),
            (4096.0, 4096),
            (2f64.powi(53) - 1.0, (1 << 53) - 1),
        ] {
            assert_eq!(whole(number, "mmap"), Ok(value));
        }
        for number in [
            f64::NAN,
            f64::INFINITY,
            -1.0,
            1.5,
            2f64.powi(53),
            -f64::INFINITY,
            5e-324,
        ] {
            assert_eq!(
                whole(number, "mmap").unwrap_err().errno,
                libc::EINVAL,
                "{number}"
            );
        }
    }

    #[test]
    fn takes_numbers_of_32_bits_only() {
        for number in [0, 1, -1, i32::MAX, i32::MIN] {
            assert_eq!(int32(f64::from(number), "close"), Ok(number));
        }
        for number in [
            f64::NAN,
            f64::INFINITY,
            0.5,
            2f64.powi(31),
            2f64.powi(53),
            -2f64.powi(31) - 1.0,
        ] {
            assert_eq!(
                int32(number, "close").unwrap_err().errno,
                libc::EINVAL,
                "{number}"
            );
        }
    }

    #[test]
    fn refuses_paths_and_modes_that_are_none() {
        assert!(c_path("/tmp".into()).is_ok());
        assert!(c_path("/tmp\0/x".into()).is_err());
        assert_eq!(mode("shared"), Ok(Mode::Shared));
        assert!(mode("read").is_err() && mode("").is_err());
        assert!(file_lock("shared").is_ok() && file_lock("").is_err());
    }
}
