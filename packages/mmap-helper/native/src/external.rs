//! ArrayBuffers over mappings of their own, unmapped when V8 lets go of them.

use std::ffi::c_void;
use std::ptr;

use napi::sys;

use crate::errno::{SysError, SysResult};
use crate::mapping::{unmap, Span};

/// An ArrayBuffer of `length` bytes over `mapped`, which it owns from now on.
///
/// # Safety
/// `env` is the calling thread's, `mapped` came from `map_file`, is at least `length` long, and nobody else unmaps it.
pub unsafe fn array_buffer(
    env: sys::napi_env,
    mapped: Span,
    length: usize,
) -> SysResult<sys::napi_value> {
    let mut buffer = ptr::null_mut();
    let mapped_length = mapped.length as *mut c_void;
    // SAFETY: the caller vouches for `env` and the memory. The finalizer gets the address back, and the mapping's length
    // as its hint.
    let status = unsafe {
        sys::napi_create_external_arraybuffer(
            env,
            mapped.address.cast(),
            length,
            Some(finalize),
            mapped_length,
            &mut buffer,
        )
    };
    match status {
        sys::Status::napi_ok => Ok(buffer),
        sys::Status::napi_no_external_buffers_allowed => {
            // SAFETY: this status comes before the memory is taken, so that it is still ours alone.
            unsafe { unmap(mapped) };
            let reason = "this runtime allows no memory of its own under an ArrayBuffer";
            Err(SysError::refused(
                libc::EOPNOTSUPP,
                "napi_create_external_arraybuffer",
                reason,
            ))
        }
        status => {
            // Whether the finalizer ran can't be told, so that the mapping is left to the end of the process.
            let mut exception = ptr::null_mut();
            // SAFETY: the caller vouches for `env`.
            unsafe { sys::napi_get_and_clear_last_exception(env, &mut exception) };
            let reason = format!("Node-API status {status}");
            Err(SysError::refused(
                libc::ENOMEM,
                "napi_create_external_arraybuffer",
                reason,
            ))
        }
    }
}

unsafe extern "C" fn finalize(_env: sys::napi_env, address: *mut c_void, length: *mut c_void) {
    let mapped = Span {
        address: address.cast(),
        length: length as usize,
    };
    // SAFETY: Node calls this once, when no ArrayBuffer uses the memory any more.
    unsafe { unmap(mapped) };
}
