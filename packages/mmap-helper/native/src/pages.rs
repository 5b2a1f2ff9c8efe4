//! The page size, and the one check that every address, offset and length of a mapping goes through.

use std::sync::OnceLock;

use crate::errno::{SysError, SysResult};

pub fn page_size() -> u64 {
    static PAGE_SIZE: OnceLock<u64> = OnceLock::new();
    *PAGE_SIZE.get_or_init(|| {
        // SAFETY: sysconf only reads a constant of the system.
        let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        u64::try_from(size).unwrap_or(4096)
    })
}

/// EINVAL unless `value` is a multiple of `alignment`, a power of two.
pub fn require_aligned(
    value: u64,
    alignment: u64,
    what: &str,
    syscall: &'static str,
) -> SysResult<()> {
    match value & (alignment - 1) {
        0 => Ok(()),
        _ => Err(SysError::refused(
            libc::EINVAL,
            syscall,
            format!("expected {what} to be a multiple of {alignment}, got {value}"),
        )),
    }
}

pub fn round_up(value: u64, alignment: u64) -> u64 {
    value.saturating_add(alignment - 1) & !(alignment - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_size_is_a_power_of_two() {
        assert!(page_size().is_power_of_two() && page_size() >= 4096);
    }

    #[test]
    fn tells_aligned_from_misaligned() {
        for aligned in [0, 4096, 1 << 53] {
            assert_eq!(require_aligned(aligned, 4096, "the length", "mmap"), Ok(()));
        }
        for misaligned in [1, 4095, 4097, 2048, (1 << 53) + 1] {
            let error = require_aligned(misaligned, 4096, "the length", "mmap").unwrap_err();
            assert_eq!((error.errno, error.syscall), (libc::EINVAL, "mmap"));
            assert!(error.reason.contains("the length") && error.reason.contains("4096"));
        }
        assert!(require_aligned(4096, 2 << 20, "the length", "mmap").is_err());
    }

    #[test]
    fn rounds_up() {
        assert_eq!(round_up(0, 4096), 0);
        assert_eq!(round_up(1, 4096), 4096);
        assert_eq!(round_up(4096, 4096), 4096);
        assert_eq!(round_up(4097, 4096), 8192);
    }
}
