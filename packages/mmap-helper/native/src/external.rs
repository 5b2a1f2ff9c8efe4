//! ArrayBuffers over mappings of their own, unmapped when V8 lets go of them.
//!
//! Node finalizes such a buffer once nothing uses its memory any more, or else when the thread that made it ends. The
//! second does not imply the first: `buffer.transfer()` makes another ArrayBuffer of the same memory, and that one can
//! have been sent to a thread that lives on. Nothing tells whether it was. So at a thread's end the file goes and empty
//! memory takes its place: the addresses stay taken, and no thread finds a hole.

use std::ffi::c_void;
use std::ptr;

use napi::sys;

use crate::errno::{SysError, SysResult};
use crate::mapping::{drop_mapping, unmap, Span};

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
    let mapped_length = ptr::without_provenance_mut(mapped.length);
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
    let (errno, reason) = match status {
        sys::Status::napi_ok => return Ok(buffer),
        sys::Status::napi_no_external_buffers_allowed => {
            // SAFETY: this status comes before the memory is taken, so that it is still ours alone.
            unsafe { unmap(mapped) };
            let reason = "this runtime allows no foreign memory under an ArrayBuffer".into();
            (libc::EOPNOTSUPP, reason)
        }
        status => {
            // Whether the finalizer ran can't be told, so that the mapping is left to the end of the process.
            // SAFETY: the caller vouches for `env`.
            unsafe { sys::napi_get_and_clear_last_exception(env, &mut ptr::null_mut()) };
            (libc::ENOMEM, format!("Node-API status {status}"))
        }
    };
    let call = "napi_create_external_arraybuffer";
    Err(SysError::refused(errno, call, reason))
}

unsafe extern "C" fn finalize(env: sys::napi_env, address: *mut c_void, length: *mut c_void) {
    let mapped = Span {
        address: address.cast(),
        length: length.addr(),
    };
    // SAFETY: Node calls this once, on the thread of `env`, with what was registered. While the environment lives, it
    // does so when no ArrayBuffer uses the memory any more.
    unsafe {
        if can_run_javascript(env) {
            unmap(mapped);
        } else {
            // If even that fails, the file stays mapped.
            drop(drop_mapping(mapped));
        }
    }
}

/// False once the environment has begun to end.
///
/// # Safety
/// `env` is the calling thread's, and there is a handle scope.
unsafe fn can_run_javascript(env: sys::napi_env) -> bool {
    let mut undefined = ptr::null_mut();
    let mut is_same = false;
    // SAFETY: the caller vouches for `env`. To compare is one of the calls that may run JavaScript and hence are refused
    // at the end, and the one of them that does nothing else.
    unsafe {
        sys::napi_get_undefined(env, &mut undefined) == sys::Status::napi_ok
            && sys::napi_strict_equals(env, undefined, undefined, &mut is_same)
                == sys::Status::napi_ok
    }
}
