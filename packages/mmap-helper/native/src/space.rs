//! The space of a file: really there before it is touched, or given back.
//!
//! Touching a page of a mapping that the file system can't back kills the process with SIGBUS. So a pool's blocks are
//! allocated first, where a full file system is an ordinary ENOSPC; and an attempt that fails leaves nothing behind.

use std::mem::{size_of, MaybeUninit};
use std::ops::Range;
use std::os::fd::RawFd;
use std::sync::{Mutex, PoisonError};

use crate::errno::{last_errno, retry_interrupted, SysError, SysResult};
use crate::file::{file_facts, FileFacts, FileKind};
use crate::pages::round_up;

/// Held from before an allocation until it is done or undone. Undoing cuts the file back to the size that it had: that
/// must not take away what another thread has added since.
static ALLOCATING: Mutex<()> = Mutex::new(());

/// Extends the file to `range.end` where it is shorter, and gives `range` real blocks. On failure the file has its size
/// and its blocks of before.
pub fn allocate(fd: RawFd, range: Range<u64>) -> SysResult<()> {
    let _only_one = ALLOCATING.lock().unwrap_or_else(PoisonError::into_inner);
    let before = regular_file(fd)?;
    let holes = holes(fd, &range, &before);
    let _signals = BlockedSignals::new();
    let result = match fallocate(fd, 0, &range) {
        Err(error) if error.errno == libc::EOPNOTSUPP => write_blocks(fd, &range, &before),
        result => result,
    };
    if result.is_err() {
        undo(fd, &before, &holes);
    }
    result
}

/// Gives the blocks inside `range` back; it reads as zeros afterwards. The file keeps its size.
pub fn punch_hole(fd: RawFd, range: Range<u64>) -> SysResult<()> {
    regular_file(fd)?;
    let _signals = BlockedSignals::new();
    fallocate(
        fd,
        libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE,
        &range,
    )
}

fn regular_file(fd: RawFd) -> SysResult<FileFacts> {
    let facts = file_facts(fd, "fallocate")?;
    if facts.kind != FileKind::Regular {
        let reason = "expected a regular file, got a DAX device, whose space is fixed";
        return Err(SysError::refused(libc::ENODEV, "fallocate", reason));
    }
    if !facts.writable {
        let reason = "the file is not open for writing";
        return Err(SysError::refused(libc::EBADF, "fallocate", reason));
    }
    Ok(facts)
}

fn fallocate(fd: RawFd, mode: libc::c_int, range: &Range<u64>) -> SysResult<()> {
    let (offset, length) = (range.start as i64, (range.end - range.start) as i64);
    // SAFETY: fallocate takes numbers only; the kernel checks them.
    match retry_interrupted(|| unsafe { libc::fallocate64(fd, mode, offset, length) }) {
        0 => Ok(()),
        _ => Err(SysError::last("fallocate")),
    }
}

/// Where the kernel has no fallocate for a file system: writes one byte to every block that has none yet, as
/// posix_fallocate(3) does. Inside the old file a block that holds a non-zero byte is there already. A store of another
/// thread to that very byte, between the read and the write, would be lost: such files are allocated before use.
fn write_blocks(fd: RawFd, range: &Range<u64>, before: &FileFacts) -> SysResult<()> {
    let mut block = range.start - range.start % before.block_size;
    while block < range.end {
        let position = block.max(range.start);
        if position >= before.size || read_byte(fd, position)? == 0 {
            write_zero(fd, position)?;
        }
        block += before.block_size;
    }
    match range.end > before.size {
        true => write_zero(fd, range.end - 1),
        false => Ok(()),
    }
}

fn read_byte(fd: RawFd, position: u64) -> SysResult<u8> {
    let mut byte = 0u8;
    let result = retry_interrupted(|| {
        // SAFETY: reads at most one byte into `byte`, which outlives the call.
        unsafe { libc::pread64(fd, (&raw mut byte).cast(), 1, position as i64) as libc::c_int }
    });
    match result {
        -1 => Err(SysError::last("pread")),
        _ => Ok(byte),
    }
}

fn write_zero(fd: RawFd, position: u64) -> SysResult<()> {
    let zero = 0u8;
    let result = retry_interrupted(|| {
        // SAFETY: writes one byte from `zero`, which outlives the call.
        unsafe { libc::pwrite64(fd, (&raw const zero).cast(), 1, position as i64) as libc::c_int }
    });
    match result {
        1 => Ok(()),
        0 => Err(SysError::of(libc::ENOSPC, "pwrite")),
        _ => Err(SysError::last("pwrite")),
    }
}

/// ext4 and others keep what they had allocated when they ran out. Failures here leave more allocated than needed,
/// which is no reason to report anything but the error that brought us here.
fn undo(fd: RawFd, before: &FileFacts, holes: &[Range<u64>]) {
    // SAFETY: ftruncate takes numbers only.
    retry_interrupted(|| unsafe { libc::ftruncate64(fd, before.size as i64) });
    let punch = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
    for hole in holes {
        let _ = fallocate(fd, punch, hole);
    }
}

/// The parts of `range`, widened to whole blocks, inside the old file that have no blocks. Without an answer from the
/// file system there are none: what can't be told from old data must not be punched. (tmpfs, which doesn't answer,
/// undoes a failed allocation itself. SEEK_HOLE would be no substitute: it calls allocated, unwritten blocks a hole.)
fn holes(fd: RawFd, range: &Range<u64>, before: &FileFacts) -> Vec<Range<u64>> {
    let block = before.block_size;
    let end = round_up(range.end.min(before.size), block);
    let mut next = range.start - range.start % block;
    let mut holes = Vec::new();
    while next < end {
        let Some(extents) = extents(fd, next..end) else {
            return Vec::new();
        };
        for extent in &extents {
            if extent.start > next {
                holes.push(next..extent.start.min(end));
            }
            next = next.max(extent.end);
        }
        if extents.len() < EXTENTS_A_CALL {
            break;
        }
    }
    if next < end {
        holes.push(next..end);
    }
    holes
}

const EXTENTS_A_CALL: usize = 64;

/// `struct fiemap_extent` of linux/fiemap.h.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct FiemapExtent {
    logical: u64,
    physical: u64,
    length: u64,
    reserved64: [u64; 2],
    flags: u32,
    reserved: [u32; 3],
}

/// `struct fiemap` of linux/fiemap.h, with room for a call's extents behind its header.
#[repr(C)]
struct Fiemap {
    start: u64,
    length: u64,
    flags: u32,
    mapped_extents: u32,
    extent_count: u32,
    reserved: u32,
    extents: [FiemapExtent; EXTENTS_A_CALL],
}

/// `_IOWR('f', 11, struct fiemap)`: the size in the number is that of the header alone.
const FS_IOC_FIEMAP: libc::c_ulong = {
    const READ_AND_WRITE: libc::c_ulong = 3;
    const HEADER: usize = size_of::<Fiemap>() - EXTENTS_A_CALL * size_of::<FiemapExtent>();
    READ_AND_WRITE << 30 | (HEADER as libc::c_ulong) << 16 | (b'f' as libc::c_ulong) << 8 | 11
};

/// The file's first extents from `range.start` on, at most `EXTENTS_A_CALL`, unwritten ones included.
fn extents(fd: RawFd, range: Range<u64>) -> Option<Vec<Range<u64>>> {
    let mut request = Fiemap {
        start: range.start,
        length: range.end - range.start,
        flags: 0,
        mapped_extents: 0,
        extent_count: EXTENTS_A_CALL as u32,
        reserved: 0,
        extents: [FiemapExtent::default(); EXTENTS_A_CALL],
    };
    // SAFETY: the kernel writes the header and at most `extent_count` extents, for which `request` has room.
    let status =
        retry_interrupted(|| unsafe { libc::ioctl(fd, FS_IOC_FIEMAP as _, &raw mut request) });
    if status != 0 {
        return None;
    }
    let found = request.extents.iter().take(request.mapped_extents as usize);
    Some(
        found
            .map(|extent| extent.logical..extent.logical.saturating_add(extent.length))
            .collect(),
    )
}

/// Keeps signals from this thread while it lives. The tmpfs of older kernels gives an interrupted allocation up as a
/// whole: under a profiler's timer a large one would never end.
struct BlockedSignals {
    before: libc::sigset_t,
}

impl BlockedSignals {
    fn new() -> BlockedSignals {
        let mut all = MaybeUninit::<libc::sigset_t>::uninit();
        let mut before = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: sigfillset initialises `all`, pthread_sigmask writes the old mask to `before`; neither fails with
        // these arguments.
        unsafe {
            libc::sigfillset(all.as_mut_ptr());
            libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr());
            BlockedSignals {
                before: before.assume_init(),
            }
        }
    }
}

impl Drop for BlockedSignals {
    fn drop(&mut self) {
        let errno = last_errno();
        // SAFETY: puts back the mask that `new` found, on the same thread (the type is not Send: it lives in one call).
        unsafe {
            libc::pthread_sigmask(libc::SIG_SETMASK, &self.before, std::ptr::null_mut());
            *libc::__errno_location() = errno;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::{close_file, open_unnamed_file};
    use std::ffi::CString;

    const KIB: u64 = 1 << 10;
    const MIB: u64 = 1 << 20;

    fn with_file(dir: &str, test: impl FnOnce(RawFd)) {
        let fd = open_unnamed_file(&CString::new(dir).unwrap()).unwrap();
        test(fd);
        close_file(fd).unwrap();
    }

    fn facts(fd: RawFd) -> FileFacts {
        file_facts(fd, "test").unwrap()
    }

    fn temp_dir() -> String {
        std::env::temp_dir().to_str().unwrap().to_owned()
    }

    /// A file system that is too small for the tests' files, or `None` where mounting is not allowed.
    struct SmallDisk {
        dir: std::path::PathBuf,
    }

    impl SmallDisk {
        fn mount(name: &str, kind: &std::ffi::CStr, options: &std::ffi::CStr) -> Option<SmallDisk> {
            let dir = std::env::temp_dir().join(format!("vmem-{name}-{}", std::process::id()));
            std::fs::create_dir(&dir).unwrap();
            let path = CString::new(dir.to_str().unwrap()).unwrap();
            // SAFETY: all four strings are NUL-terminated.
            let status = unsafe {
                libc::mount(
                    kind.as_ptr(),
                    path.as_ptr(),
                    kind.as_ptr(),
                    0,
                    options.as_ptr().cast(),
                )
            };
            if status != 0 {
                eprintln!("skipped: no mount of {kind:?}: {}", last_errno());
                std::fs::remove_dir(&dir).unwrap();
                return None;
            }
            Some(SmallDisk { dir })
        }

        fn path(&self) -> &str {
            self.dir.to_str().unwrap()
        }
    }

    impl Drop for SmallDisk {
        fn drop(&mut self) {
            let path = CString::new(self.path()).unwrap();
            // SAFETY: `path` is NUL-terminated.
            unsafe { libc::umount2(path.as_ptr(), libc::MNT_DETACH) };
            let _ = std::fs::remove_dir(&self.dir);
        }
    }

    #[test]
    fn allocates_real_blocks_and_gives_them_back() {
        with_file(&temp_dir(), |fd| {
            allocate(fd, 0..MIB).unwrap();
            assert_eq!(facts(fd).size, MIB);
            assert!(facts(fd).allocated >= MIB);
            punch_hole(fd, 0..MIB).unwrap();
            assert_eq!((facts(fd).size, facts(fd).allocated), (MIB, 0));
        });
    }

    #[test]
    fn an_allocation_inside_the_file_keeps_its_size_and_data() {
        with_file(&temp_dir(), |fd| {
            allocate(fd, 0..MIB).unwrap();
            write_zero(fd, MIB - 1).unwrap();
            allocate(fd, 4 * KIB..8 * KIB).unwrap();
            assert_eq!(facts(fd).size, MIB);
        });
    }

    #[test]
    fn undoes_a_failed_allocation_on_tmpfs() {
        let Some(disk) = SmallDisk::mount("tmpfs", c"tmpfs", c"size=1m") else {
            return;
        };
        with_file(disk.path(), |fd| {
            allocate(fd, 0..512 * KIB).unwrap();
            let error = allocate(fd, 512 * KIB..4 * MIB).unwrap_err();
            assert_eq!((error.errno, error.syscall), (libc::ENOSPC, "fallocate"));
            let after = facts(fd);
            assert_eq!((after.size, after.allocated), (512 * KIB, 512 * KIB));
            allocate(fd, 512 * KIB..MIB).unwrap();
        });
    }

    #[test]
    fn finds_the_holes_of_a_file() {
        with_file(&temp_dir(), |fd| {
            allocate(fd, 0..64 * KIB).unwrap(); // never written: SEEK_HOLE would call this one hole
            punch_hole(fd, 16 * KIB..32 * KIB).unwrap();
            punch_hole(fd, 48 * KIB..64 * KIB).unwrap();
            if extents(fd, 0..MIB).is_none() {
                return eprintln!("skipped: the temporary directory's file system has no FIEMAP");
            }
            let found = holes(fd, &(KIB..MIB), &facts(fd));
            assert_eq!(found, [16 * KIB..32 * KIB, 48 * KIB..64 * KIB]);
            assert_eq!(holes(fd, &(64 * KIB..MIB), &facts(fd)), []);
        });
    }

    #[test]
    fn finds_more_holes_than_one_call_tells() {
        with_file(&temp_dir(), |fd| {
            let count = 3 * EXTENTS_A_CALL as u64;
            for index in 0..count {
                write_zero(fd, index * 8 * KIB).unwrap();
            }
            // SAFETY: fsync takes a number only.
            unsafe { libc::fsync(fd) };
            write_zero(fd, count * 8 * KIB - 1).unwrap();
            if extents(fd, 0..MIB).is_none() || facts(fd).block_size != 4 * KIB {
                return eprintln!("skipped: no FIEMAP, or blocks of another size");
            }
            let found = holes(fd, &(0..64 * MIB), &facts(fd));
            assert_eq!(found.len() as u64, count - 1);
        });
    }

    #[test]
    fn undoing_restores_size_and_holes_and_keeps_what_was_allocated() {
        with_file(&temp_dir(), |fd| {
            allocate(fd, 0..64 * KIB).unwrap();
            punch_hole(fd, 16 * KIB..32 * KIB).unwrap();
            let before = facts(fd);
            let found = holes(fd, &(0..MIB), &before);
            if found.is_empty() {
                return eprintln!("skipped: the temporary directory's file system has no FIEMAP");
            }
            fallocate(fd, 0, &(0..MIB)).unwrap();
            undo(fd, &before, &found);
            assert_eq!(facts(fd).size, before.size);
            assert_eq!(facts(fd).allocated, before.allocated);
            assert_eq!(holes(fd, &(0..MIB), &facts(fd)), found);
        });
    }

    #[test]
    fn writes_blocks_where_there_is_no_fallocate() {
        let Some(disk) = SmallDisk::mount("ramfs", c"ramfs", c"") else {
            return;
        };
        with_file(disk.path(), |fd| {
            assert_eq!(
                fallocate(fd, 0, &(0..KIB)).unwrap_err().errno,
                libc::EOPNOTSUPP
            );
            allocate(fd, 0..MIB + 1).unwrap();
            assert_eq!(facts(fd).size, MIB + 1);
            assert_eq!(punch_hole(fd, 0..KIB).unwrap_err().errno, libc::EOPNOTSUPP);
        });
    }

    #[test]
    fn writing_blocks_fills_holes_keeps_data_and_is_undone() {
        let Some(disk) = SmallDisk::mount("blocks", c"tmpfs", c"size=1m") else {
            return;
        };
        with_file(disk.path(), |fd| {
            let data = [7u8; 3];
            // SAFETY: writes from `data`, which outlives the call.
            let wrote = unsafe { libc::pwrite64(fd, data.as_ptr().cast(), 3, 5000) };
            assert_eq!(wrote, 3);
            write_blocks(fd, &(5000..64 * KIB), &facts(fd)).unwrap();
            assert_eq!(facts(fd).size, 64 * KIB);
            assert_eq!(facts(fd).allocated, 60 * KIB, "all but the first block");
            assert_eq!(read_byte(fd, 5000).unwrap(), 7);

            let before = facts(fd);
            let error = write_blocks(fd, &(0..4 * MIB), &before).unwrap_err();
            assert_eq!(error.errno, libc::ENOSPC);
            let hole = 0..4 * KIB;
            undo(fd, &before, std::slice::from_ref(&hole));
            assert_eq!(facts(fd).size, before.size);
            assert_eq!(facts(fd).allocated, before.allocated);
        });
    }

    #[test]
    fn a_blocked_signal_comes_afterwards() {
        use std::sync::atomic::{AtomicU32, Ordering};
        static RECEIVED: AtomicU32 = AtomicU32::new(0);
        extern "C" fn count(_: libc::c_int) {
            RECEIVED.fetch_add(1, Ordering::SeqCst);
        }
        // SAFETY: the handler only counts, so that it may run anywhere.
        unsafe { libc::signal(libc::SIGUSR2, count as *const () as libc::sighandler_t) };
        let blocked = BlockedSignals::new();
        // SAFETY: sends a signal that has a handler to this thread.
        unsafe { libc::raise(libc::SIGUSR2) };
        assert_eq!(RECEIVED.load(Ordering::SeqCst), 0);
        drop(blocked);
        assert_eq!(RECEIVED.load(Ordering::SeqCst), 1);
    }

    /// Fails without the block on kernels whose tmpfs heeds every signal and not only deadly ones.
    #[test]
    fn a_profilers_signals_do_not_keep_an_allocation_from_ending() {
        use std::sync::atomic::{AtomicBool, Ordering};
        use std::time::{Duration, Instant};
        extern "C" fn ignore(_: libc::c_int) {}
        let Some(disk) = SmallDisk::mount("signals", c"tmpfs", c"size=512m") else {
            return;
        };
        // SAFETY: the handler does nothing, so that it may run anywhere.
        unsafe { libc::signal(libc::SIGPROF, ignore as *const () as libc::sighandler_t) };
        // SAFETY: names this thread, which outlives the one below.
        let allocating = unsafe { libc::pthread_self() };
        let is_done = AtomicBool::new(false);
        let patience = Duration::from_secs(5);
        let started = Instant::now();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !is_done.load(Ordering::Relaxed) && started.elapsed() < patience {
                    // SAFETY: the thread is alive, and has a handler for the signal.
                    unsafe { libc::pthread_kill(allocating, libc::SIGPROF) };
                    std::thread::sleep(Duration::from_micros(200));
                }
            });
            with_file(disk.path(), |fd| allocate(fd, 0..256 * MIB).unwrap());
            is_done.store(true, Ordering::Relaxed);
        });
        assert!(
            started.elapsed() < patience,
            "ended only when the signals did"
        );
    }

    #[test]
    fn refuses_files_without_space_of_their_own() {
        let mut pipe = [0; 2];
        // SAFETY: pipe2 writes two descriptors into `pipe`.
        let status = unsafe { libc::pipe2(pipe.as_mut_ptr(), libc::O_CLOEXEC) };
        assert_eq!(status, 0);
        assert_eq!(allocate(pipe[1], 0..KIB).unwrap_err().errno, libc::ESPIPE);
        assert_eq!(allocate(-1, 0..KIB).unwrap_err().errno, libc::EBADF);
        let read_only = std::fs::File::open("/proc/self/exe").unwrap();
        let fd = std::os::fd::AsRawFd::as_raw_fd(&read_only);
        assert_eq!(allocate(fd, 0..KIB).unwrap_err().errno, libc::EBADF);
        for end in pipe {
            // SAFETY: the test owns both descriptors and closes each once.
            unsafe { libc::close(end) };
        }
    }
}
