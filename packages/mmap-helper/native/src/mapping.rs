//! Putting files and empty memory under address ranges that V8 owns, and mapping files on their own.
//!
//! V8 reserved the range of a growable SharedArrayBuffer and unmaps it when the last thread has dropped the buffer;
//! until then a page that isn't mapped is a crash in whichever thread touches it. A MAP_FIXED that fails may have
//! unmapped its target already. Hence the order in `overlay`: check everything, try the same mapping elsewhere, only
//! then replace, and if that fails nonetheless, fill the hole.

use std::ffi::c_void;
use std::os::fd::{AsRawFd, RawFd};
use std::ptr;

use crate::errno::{retry_interrupted, SysError, SysResult};
use crate::file::{duplicate, file_facts, FileKind};
use crate::pages::{page_size, require_aligned, round_up};

/// Bytes of a buffer, alive for as long as the caller's reference to that buffer.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    pub address: *mut u8,
    pub length: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Stores reach the file.
    Shared,
    /// Stores stay in this mapping.
    Private,
    /// Stores reach a DAX file and its metadata is durable before they do (MAP_SYNC).
    Sync,
}

impl Mode {
    fn flags(self) -> libc::c_int {
        match self {
            Mode::Shared => libc::MAP_SHARED,
            // The copies of a large pool must not need as much memory from the start as if all were made.
            Mode::Private => libc::MAP_PRIVATE | libc::MAP_NORESERVE,
            // Only together with _VALIDATE does the kernel refuse a MAP_SYNC that it can't give.
            Mode::Sync => libc::MAP_SHARED_VALIDATE | libc::MAP_SYNC,
        }
    }
}

const ANONYMOUS: libc::c_int = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;

/// Puts `length` bytes of a file, from `offset` on, under `target`.
///
/// # Safety
/// `target` lies in one growable SharedArrayBuffer, below its current length.
pub unsafe fn overlay(target: Span, fd: RawFd, offset: u64, mode: Mode) -> SysResult<()> {
    let file = duplicate(fd, "mmap")?;
    let fd = file.as_raw_fd();
    let length = target.length as u64;
    let alignment = check_file_range(fd, offset, length, mode)?;
    require_aligned(
        target.address as u64,
        alignment,
        "the address of the range",
        "mmap",
    )?;
    require_aligned(length, alignment, "the length", "mmap")?;

    // One unit of the file, anywhere: tells a seal, a file system without the mode and the like without harm.
    let flags = mode.flags();
    // SAFETY: a mapping at an address of the kernel's choice replaces nothing, and is unmapped unused.
    unsafe { unmap(map(alignment as usize, flags, fd, offset)?) };
    // SAFETY: the caller vouches for the range; it is in whole pages, and so is the file's.
    unsafe { replace(target, flags, fd, offset) }
}

/// Puts empty memory under `target`: threads that still hold views read zeros, and the file loses one user.
///
/// # Safety
/// As for `overlay`.
pub unsafe fn drop_mapping(target: Span) -> SysResult<()> {
    check_pages(target, "mmap")?;
    // SAFETY: the caller vouches for the range; it is in whole pages.
    unsafe { replace(target, ANONYMOUS, -1, 0) }
}

/// # Safety
/// As for `overlay`; `target` is in whole pages, and the file (if any) reaches as far.
unsafe fn replace(target: Span, flags: libc::c_int, fd: RawFd, offset: u64) -> SysResult<()> {
    // SAFETY: replaces pages of a range that the caller vouches for, readable and writable as they were.
    let result = unsafe {
        libc::mmap64(
            target.address.cast(),
            target.length,
            libc::PROT_READ | libc::PROT_WRITE,
            flags | libc::MAP_FIXED,
            fd,
            offset as i64,
        )
    };
    if result != libc::MAP_FAILED {
        return Ok(());
    }
    let error = SysError::last("mmap");
    // SAFETY: as above.
    unsafe { fill_hole(target) };
    Err(error)
}

/// Gives `target` empty memory if nothing is mapped there, and leaves it alone if something is.
///
/// # Safety
/// `target` is a range, in whole pages, of memory that this process owns.
unsafe fn fill_hole(target: Span) {
    // SAFETY: with _NOREPLACE no mapping is touched. A kernel before 4.17 takes the address for a wish: what it gives
    // elsewhere is returned at once.
    unsafe {
        let filled = libc::mmap64(
            target.address.cast(),
            target.length,
            libc::PROT_READ | libc::PROT_WRITE,
            ANONYMOUS | libc::MAP_FIXED_NOREPLACE,
            -1,
            0,
        );
        if filled != libc::MAP_FAILED && filled != target.address.cast() {
            libc::munmap(filled, target.length);
        }
    }
}

/// Maps a range of a file on its own. The result is in whole pages, and `unmap` takes it back.
pub fn map_file(fd: RawFd, offset: u64, length: u64, mode: Mode) -> SysResult<Span> {
    let file = duplicate(fd, "mmap")?;
    let fd = file.as_raw_fd();
    let alignment = check_file_range(fd, offset, length, mode)?;
    let mapped = usize::try_from(round_up(length, page_size()))
        .map_err(|_| SysError::of(libc::ENOMEM, "mmap"))?;
    if alignment > page_size() {
        require_aligned(length, alignment, "the length", "mmap")?;
    }
    map(mapped, mode.flags(), fd, offset)
}

fn map(length: usize, flags: libc::c_int, fd: RawFd, offset: u64) -> SysResult<Span> {
    // SAFETY: a mapping at an address of the kernel's choice replaces nothing.
    let address = unsafe {
        libc::mmap64(
            ptr::null_mut(),
            length,
            libc::PROT_READ | libc::PROT_WRITE,
            flags,
            fd,
            offset as i64,
        )
    };
    match address {
        libc::MAP_FAILED => Err(SysError::last("mmap")),
        address => Ok(Span {
            address: address.cast(),
            length,
        }),
    }
}

/// # Safety
/// `mapped` came from `map_file` or `map`, and nothing uses it any more.
pub unsafe fn unmap(mapped: Span) {
    // SAFETY: the caller vouches that the range is an unused mapping of ours.
    unsafe { libc::munmap(mapped.address.cast::<c_void>(), mapped.length) };
}

/// Checks that `fd` is open as `mode` needs, and that the whole range can be touched. Returns the alignment that a
/// mapping of this file needs.
fn check_file_range(fd: RawFd, offset: u64, length: u64, mode: Mode) -> SysResult<u64> {
    let facts = file_facts(fd, "mmap")?;
    if !facts.readable {
        let reason = "the file is not open for reading";
        return Err(SysError::refused(libc::EACCES, "mmap", reason));
    }
    if mode != Mode::Private && !facts.writable {
        let reason = "stores would reach the file, and it is not open for writing";
        return Err(SysError::refused(libc::EACCES, "mmap", reason));
    }
    if mode == Mode::Private && facts.kind != FileKind::Regular {
        let reason = "a DAX device can't be mapped privately";
        return Err(SysError::refused(libc::EINVAL, "mmap", reason));
    }
    if length == 0 {
        let reason = "expected a length above 0";
        return Err(SysError::refused(libc::EINVAL, "mmap", reason));
    }
    require_aligned(offset, facts.alignment, "the file offset", "mmap")?;
    if offset
        .checked_add(length)
        .is_none_or(|end| end > facts.size)
    {
        return Err(SysError::refused(
            libc::ENXIO,
            "mmap",
            format!(
                "the file has {} bytes, and the range is {length} bytes from {offset} on",
                facts.size
            ),
        ));
    }
    Ok(facts.alignment)
}

/// EINVAL unless `target` is in whole pages.
fn check_pages(target: Span, syscall: &'static str) -> SysResult<()> {
    if target.length == 0 {
        let reason = "expected a length above 0";
        return Err(SysError::refused(libc::EINVAL, syscall, reason));
    }
    let address = target.address as u64;
    require_aligned(address, page_size(), "the address of the range", syscall)?;
    require_aligned(target.length as u64, page_size(), "the length", syscall)
}

/// `target` with its last page whole. A range may end inside a page where its buffer ends.
fn whole_pages(target: Span) -> Span {
    let length = round_up(target.length as u64, page_size()) as usize;
    Span { length, ..target }
}

/// # Safety
/// `target` lies in memory that was mapped by `map_file` or belongs to a growable SharedArrayBuffer, it ends at the end of
/// a page or of that memory, and `advice` leaves the contents alone or the caller wants them gone.
pub unsafe fn advise(target: Span, advice: libc::c_int) -> SysResult<()> {
    let target = whole_pages(target);
    check_pages(target, "madvise")?;
    let result = retry_interrupted(|| {
        // SAFETY: the caller vouches for the range; it is in whole pages.
        unsafe { libc::madvise(target.address.cast(), target.length, advice) }
    });
    match result {
        0 => Ok(()),
        _ => Err(SysError::last("madvise")),
    }
}

/// Gives the file's blocks under `target` back to the file system; they read as zeros afterwards.
///
/// # Safety
/// As for `overlay`.
pub unsafe fn free_file_space(target: Span) -> SysResult<()> {
    check_pages(target, "madvise")?;
    // SAFETY: the caller vouches for the range; it is in whole pages.
    unsafe { advise(target, libc::MADV_REMOVE) }
}

/// Writes changed pages back to the file, or with `wait` false has the kernel do so.
pub fn sync(target: Span, wait: bool) -> SysResult<()> {
    let target = whole_pages(target);
    check_pages(target, "msync")?;
    let flags = match wait {
        true => libc::MS_SYNC,
        false => libc::MS_ASYNC,
    };
    // SAFETY: msync changes no memory, and refuses ranges that aren't mapped.
    match retry_interrupted(|| unsafe { libc::msync(target.address.cast(), target.length, flags) })
    {
        0 => Ok(()),
        _ => Err(SysError::last("msync")),
    }
}

/// The number of a piece of advice that leaves a mapping usable.
pub fn advice_number(name: &str) -> Option<libc::c_int> {
    Some(match name {
        "normal" => libc::MADV_NORMAL,
        "random" => libc::MADV_RANDOM,
        "sequential" => libc::MADV_SEQUENTIAL,
        "willneed" => libc::MADV_WILLNEED,
        "dontneed" => libc::MADV_DONTNEED,
        "cold" => libc::MADV_COLD,
        "pageout" => libc::MADV_PAGEOUT,
        "hugepage" => libc::MADV_HUGEPAGE,
        "nohugepage" => libc::MADV_NOHUGEPAGE,
        "populate-read" => libc::MADV_POPULATE_READ,
        "populate-write" => libc::MADV_POPULATE_WRITE,
        "dontdump" => libc::MADV_DONTDUMP,
        "dodump" => libc::MADV_DODUMP,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::{close_file, open_unnamed_file};
    use crate::space::allocate;
    use std::ffi::CString;

    /// Stands in for a growable SharedArrayBuffer: pages of this process' own.
    struct Reserved {
        span: Span,
    }

    impl Reserved {
        fn pages(count: usize) -> Reserved {
            let length = count * page_size() as usize;
            Reserved {
                span: map(length, ANONYMOUS, -1, 0).unwrap(),
            }
        }

        fn part(&self, page: usize, count: usize) -> Span {
            let size = page_size() as usize;
            Span {
                address: self.span.address.wrapping_add(page * size),
                length: count * size,
            }
        }

        fn write(&self, page: usize, value: u8) {
            // SAFETY: the page belongs to `span`, which is mapped as long as `self` lives.
            unsafe { self.part(page, 1).address.write_volatile(value) };
        }

        fn read(&self, page: usize) -> u8 {
            // SAFETY: as for `write`.
            unsafe { self.part(page, 1).address.read_volatile() }
        }
    }

    impl Drop for Reserved {
        fn drop(&mut self) {
            // SAFETY: the tests keep no pointer beyond `self`.
            unsafe { unmap(self.span) };
        }
    }

    fn with_file(size: u64, test: impl FnOnce(RawFd)) {
        let dir = CString::new(std::env::temp_dir().to_str().unwrap()).unwrap();
        let fd = open_unnamed_file(&dir).unwrap();
        allocate(fd, 0..size).unwrap();
        test(fd);
        close_file(fd).unwrap();
    }

    #[test]
    fn an_overlay_shares_the_file_and_dropping_it_leaves_zeros() {
        with_file(2 * page_size(), |fd| {
            let memory = Reserved::pages(4);
            // SAFETY: the range is this test's own memory.
            unsafe { overlay(memory.part(1, 2), fd, 0, Mode::Shared) }.unwrap();
            memory.write(1, 11);
            let other = map_file(fd, 0, 1, Mode::Private).unwrap();
            // SAFETY: `other` is mapped, one page, and unmapped once.
            unsafe {
                assert_eq!(other.address.read_volatile(), 11);
                unmap(other);
            }
            // SAFETY: the range is this test's own memory.
            unsafe { drop_mapping(memory.part(1, 2)) }.unwrap();
            assert_eq!(memory.read(1), 0);
        });
    }

    #[test]
    fn refuses_before_it_touches_the_target() {
        with_file(2 * page_size(), |fd| {
            let memory = Reserved::pages(4);
            memory.write(1, 5);
            let page = page_size();
            let misaligned = Span {
                address: memory.span.address.wrapping_add(16),
                length: page as usize,
            };
            let odd_length = Span {
                length: 100,
                ..memory.part(1, 1)
            };
            let cases = [
                (memory.part(1, 3), 0, libc::ENXIO),
                (memory.part(1, 1), 2 * page, libc::ENXIO),
                (memory.part(1, 1), 1, libc::EINVAL),
                (memory.part(1, 1), (1 << 53) - page, libc::ENXIO),
                (memory.part(1, 0), 0, libc::EINVAL),
                (misaligned, 0, libc::EINVAL),
                (odd_length, 0, libc::EINVAL),
            ];
            for (target, offset, errno) in cases {
                // SAFETY: the ranges are this test's own memory.
                let error = unsafe { overlay(target, fd, offset, Mode::Shared) }.unwrap_err();
                assert_eq!(error.errno, errno, "{target:?} {offset}");
                assert_eq!(memory.read(1), 5);
            }
        });
    }

    #[test]
    fn a_mapping_that_the_file_system_cannot_give_is_refused_before_the_target() {
        let fd = open_unnamed_file(c"/dev/shm").unwrap();
        allocate(fd, 0..page_size()).unwrap();
        let memory = Reserved::pages(1);
        memory.write(0, 5);
        // SAFETY: the range is this test's own memory.
        let error = unsafe { overlay(memory.span, fd, 0, Mode::Sync) }.unwrap_err();
        assert_eq!(error.errno, libc::EOPNOTSUPP);
        assert_eq!(memory.read(0), 5, "still what was there");
        close_file(fd).unwrap();
    }

    #[test]
    fn stores_into_a_file_need_a_descriptor_that_can_write() {
        let file = std::fs::File::open("/proc/self/exe").unwrap();
        let memory = Reserved::pages(1);
        // SAFETY: the range is this test's own memory.
        let overlay = |mode| unsafe { overlay(memory.span, file.as_raw_fd(), 0, mode) };
        assert_eq!(overlay(Mode::Shared).unwrap_err().errno, libc::EACCES);
        assert_eq!(overlay(Mode::Sync).unwrap_err().errno, libc::EACCES);
        overlay(Mode::Private).unwrap();
        assert_eq!(memory.read(0), 0x7f, "an ELF file's first byte");
        memory.write(0, 1);
    }

    #[test]
    fn a_hole_is_filled_and_what_is_mapped_is_kept() {
        let memory = Reserved::pages(3);
        (0..3).for_each(|page| memory.write(page, 9));
        // SAFETY: the pages are this test's own; they are mapped again before anything touches them.
        unsafe {
            unmap(memory.part(1, 1));
            fill_hole(memory.part(1, 1));
        }
        assert_eq!([memory.read(0), memory.read(1), memory.read(2)], [9, 0, 9]);
        memory.write(1, 4);
        // SAFETY: as above; nothing is unmapped here.
        unsafe { fill_hole(memory.part(1, 1)) };
        assert_eq!(memory.read(1), 4);
    }

    #[test]
    fn a_replacement_that_fails_leaves_memory_there() {
        let memory = Reserved::pages(3);
        // SAFETY: the page is this test's own. A closed descriptor makes mmap fail.
        let error = unsafe { replace(memory.part(1, 1), libc::MAP_SHARED, -1, 0) }.unwrap_err();
        assert_eq!(error.errno, libc::EBADF);
        memory.write(1, 3);
        assert_eq!(memory.read(1), 3);
    }

    #[test]
    fn every_advice_has_a_number_and_nothing_else_has() {
        for name in [
            "willneed",
            "dontneed",
            "hugepage",
            "nohugepage",
            "populate-write",
        ] {
            assert!(advice_number(name).is_some(), "{name}");
        }
        for name in ["", "remove", "hwpoison", "WILLNEED", "free"] {
            assert_eq!(advice_number(name), None, "{name}");
        }
    }
}
