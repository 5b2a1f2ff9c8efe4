//! What went wrong in a system call, or would have: every check made before a call answers with the errno that the
//! call's man page gives for it.

use std::borrow::Cow;
use std::ffi::CStr;

/// A refusal: which call, with which errno, and why in words.
#[derive(Debug, PartialEq, Eq)]
pub struct SysError {
    pub errno: i32,
    pub syscall: &'static str,
    pub reason: Cow<'static, str>,
}

pub type SysResult<T> = Result<T, SysError>;

impl SysError {
    /// A refusal by our own check, before the kernel was asked.
    pub fn refused(
        errno: i32,
        syscall: &'static str,
        reason: impl Into<Cow<'static, str>>,
    ) -> SysError {
        SysError {
            errno,
            syscall,
            reason: reason.into(),
        }
    }

    /// The kernel's refusal of the call just made on this thread.
    pub fn last(syscall: &'static str) -> SysError {
        SysError::of(last_errno(), syscall)
    }

    pub fn of(errno: i32, syscall: &'static str) -> SysError {
        SysError::refused(errno, syscall, description(errno))
    }
}

pub fn last_errno() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

/// Calls again for as long as a signal interrupted the call.
pub fn retry_interrupted(mut call: impl FnMut() -> libc::c_int) -> libc::c_int {
    loop {
        let result = call();
        if result != -1 || last_errno() != libc::EINTR {
            return result;
        }
    }
}

/// The C library's text for an errno, with a small first letter as in Node's own messages.
fn description(errno: i32) -> String {
    let mut text: [libc::c_char; 256] = [0; 256];
    // SAFETY: strerror_r writes at most `text.len()` bytes into `text` and ends them with a NUL.
    let status = unsafe { libc::strerror_r(errno, text.as_mut_ptr(), text.len()) };
    if status != 0 {
        return format!("unknown error {errno}");
    }
    // SAFETY: on success `text` holds a NUL-terminated string, and it outlives the borrow.
    let text = unsafe { CStr::from_ptr(text.as_ptr()) }.to_string_lossy();
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_lowercase().chain(letters).collect(),
        None => format!("unknown error {errno}"),
    }
}

macro_rules! errno_names {
    ($($name:ident)*) => {
        /// The C name of an errno, such as `ENOSPC`; `EUNKNOWN` for one that no call here returns.
        pub fn errno_name(errno: i32) -> &'static str {
            match errno {
                $(libc::$name => stringify!($name),)*
                _ => "EUNKNOWN",
            }
        }
    };
}

errno_names! {
    EPERM ENOENT ESRCH EINTR EIO ENXIO E2BIG EBADF EAGAIN ENOMEM EACCES EFAULT ENOTBLK EBUSY EEXIST EXDEV ENODEV ENOTDIR
    EISDIR EINVAL ENFILE EMFILE ENOTTY ETXTBSY EFBIG ENOSPC ESPIPE EROFS EMLINK EPIPE EDOM ERANGE EDEADLK ENAMETOOLONG
    ENOLCK ENOSYS ELOOP EPROTO EOVERFLOW EOPNOTSUPP EDQUOT ESTALE EHWPOISON ECANCELED EMEDIUMTYPE ENOMEDIUM EUCLEAN EREMOTEIO
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_errnos() {
        assert_eq!(errno_name(libc::ENOSPC), "ENOSPC");
        assert_eq!(errno_name(libc::EINVAL), "EINVAL");
        assert_eq!(errno_name(libc::EAGAIN), "EAGAIN");
        assert_eq!(errno_name(libc::ENOTSUP), "EOPNOTSUPP");
        assert_eq!(errno_name(0), "EUNKNOWN");
        assert_eq!(errno_name(99_999), "EUNKNOWN");
    }

    #[test]
    fn describes_errnos_in_the_style_of_node() {
        assert_eq!(description(libc::ENOSPC), "no space left on device");
        assert!(description(99_999).contains("99999"));
    }

    #[test]
    fn repeats_only_an_interrupted_call() {
        let mut calls = 0;
        let result = retry_interrupted(|| {
            calls += 1;
            // SAFETY: __errno_location gives this thread's errno, always valid to write.
            unsafe { *libc::__errno_location() = if calls < 3 { libc::EINTR } else { libc::EIO } };
            -1
        });
        assert_eq!((result, calls), (-1, 3));
    }
}
