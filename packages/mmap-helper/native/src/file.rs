//! Files behind mappings: opening them unnamed, closing them, and asking what they are.
//!
//! A descriptor opened here belongs to the process: Node closes those of `fs.open` when the worker that opened them
//! exits, and knows nothing of these. Only `close_file` closes them, and it closes nothing else.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::dax::{dax_device, SYSFS_CHAR_DEVICES};
use crate::errno::{last_errno, retry_interrupted, SysError, SysResult};
use crate::pages::page_size;

/// Device and inode: tells whether a descriptor's number still means the file that was opened.
pub type FileKey = (u64, u64);

/// The descriptors that this module opened and has not closed.
static OPEN_FILES: Mutex<BTreeMap<RawFd, FileKey>> = Mutex::new(BTreeMap::new());

fn open_files() -> MutexGuard<'static, BTreeMap<RawFd, FileKey>> {
    OPEN_FILES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Opens a new file in `dir` that has no name, so that its space is free once the last descriptor and mapping are gone,
/// however the process ends.
pub fn open_unnamed_file(dir: &CStr) -> SysResult<RawFd> {
    match open(dir, libc::O_TMPFILE | libc::O_EXCL | libc::O_RDWR, 0o600) {
        // open(2) gives EOPNOTSUPP for a file system without O_TMPFILE; a kernel or FUSE server that takes the flag
        // for its subset O_DIRECTORY answers EISDIR, EINVAL or ENOENT.
        Err(error)
            if matches!(
                error.errno,
                libc::EOPNOTSUPP | libc::EISDIR | libc::EINVAL | libc::ENOENT
            ) =>
        {
            open_and_unlink(dir)
        }
        result => result,
    }
    .and_then(register)
}

/// Opens an existing file or device for reading and writing.
pub fn open_file(path: &CStr) -> SysResult<RawFd> {
    // O_NONBLOCK: a FIFO must not keep the thread waiting for its other end. It means nothing to files and DAX devices.
    open(path, libc::O_RDWR | libc::O_NOCTTY | libc::O_NONBLOCK, 0).and_then(register)
}

/// Opens a new file without a name in memory.
pub fn open_memory_file() -> SysResult<RawFd> {
    // SAFETY: the name is NUL-terminated. (glibc before 2.27 has no function for this.)
    let fd = unsafe {
        libc::syscall(
            libc::SYS_memfd_create,
            c"vmem".as_ptr(),
            libc::MFD_CLOEXEC as libc::c_ulong,
        )
    };
    match i32::try_from(fd) {
        // SAFETY: memfd_create just made this descriptor and nobody else has seen it.
        Ok(fd) if fd >= 0 => register(unsafe { OwnedFd::from_raw_fd(fd) }),
        _ => Err(SysError::last("memfd_create")),
    }
}

/// A second descriptor for the open file of `fd`, which came from elsewhere.
pub fn adopt_file(fd: RawFd) -> SysResult<RawFd> {
    let file = duplicate(fd, "fcntl")?;
    file_facts(file.as_raw_fd(), "fcntl")?;
    register(file)
}

/// What `lock_file` asks for: flock(2).
#[derive(Clone, Copy, Debug)]
pub enum Lock {
    Exclusive,
    Shared,
    None,
}

/// Keeps others out who ask the same of the file or device, in this process or another one, until the descriptor is closed
/// and its mappings are gone. Locks that are shared keep out only those that are not.
pub fn lock_file(fd: RawFd, lock: Lock) -> SysResult<()> {
    let operation = match lock {
        Lock::Exclusive => libc::LOCK_EX,
        Lock::Shared => libc::LOCK_SH,
        Lock::None => libc::LOCK_UN,
    };
    // SAFETY: flock takes two numbers.
    match retry_interrupted(|| unsafe { libc::flock(fd, operation | libc::LOCK_NB) }) {
        0 => Ok(()),
        _ if last_errno() == libc::EWOULDBLOCK => Err(SysError::refused(
            libc::EBUSY,
            "flock",
            "somebody else uses it, in this process or in another one",
        )),
        _ => Err(SysError::last("flock")),
    }
}

pub fn close_file(fd: RawFd) -> SysResult<()> {
    let mut files = open_files();
    let Some(key) = files.get(&fd).copied() else {
        return Err(SysError::refused(
            libc::EBADF,
            "close",
            "this module has no such file open; it closes only what it opened",
        ));
    };
    files.remove(&fd);
    if is_elsewhere(file_key(fd), key) {
        return Err(SysError::refused(
            libc::EBADF,
            "close",
            "the descriptor was closed elsewhere; what its number means now is left alone",
        ));
    }
    // Closing may free gigabytes: other threads need not wait for that.
    drop(files);
    // SAFETY: the descriptor is one that this module opened, so that dropping the OwnedFd closes it exactly once. Linux
    // frees the number even where close(2) reports an error.
    drop(unsafe { OwnedFd::from_raw_fd(fd) });
    Ok(())
}

/// Whether a descriptor that was opened for the file `key` is closed or another file's by now. A file system that has gone and
/// can't tell does not make it anybody else's.
fn is_elsewhere(found: SysResult<FileKey>, key: FileKey) -> bool {
    match found {
        Ok(found) => found != key,
        Err(error) => error.errno == libc::EBADF,
    }
}

fn register(file: OwnedFd) -> SysResult<RawFd> {
    let key = file_key(file.as_raw_fd())?;
    let fd = file.into_raw_fd();
    open_files().insert(fd, key);
    Ok(fd)
}

fn open(path: &CStr, flags: libc::c_int, mode: libc::c_uint) -> SysResult<OwnedFd> {
    loop {
        // SAFETY: `path` is NUL-terminated; open(2) takes a mode after the flags.
        let fd = unsafe { libc::open(path.as_ptr(), flags | libc::O_CLOEXEC, mode) };
        if fd >= 0 {
            // SAFETY: open(2) just made this descriptor and nobody else has seen it.
            return Ok(unsafe { OwnedFd::from_raw_fd(fd) });
        }
        if last_errno() != libc::EINTR {
            return Err(SysError::last("open"));
        }
    }
}

/// For file systems without O_TMPFILE: an exclusive file under a random name that is gone again at once.
fn open_and_unlink(dir: &CStr) -> SysResult<OwnedFd> {
    const ATTEMPTS: usize = 100;
    for _ in 0..ATTEMPTS {
        let path = random_path(dir)?;
        let flags = libc::O_CREAT | libc::O_EXCL | libc::O_RDWR | libc::O_NOFOLLOW;
        match open(&path, flags, 0o600) {
            Err(error) if error.errno == libc::EEXIST => continue,
            Err(error) => return Err(error),
            Ok(file) => {
                // SAFETY: `path` is NUL-terminated.
                if unsafe { libc::unlink(path.as_ptr()) } != 0 {
                    return Err(SysError::last("unlink"));
                }
                return Ok(file);
            }
        }
    }
    Err(SysError::refused(
        libc::EEXIST,
        "open",
        "no unused file name found",
    ))
}

fn random_path(dir: &CStr) -> SysResult<CString> {
    let mut bytes = [0u8; 16];
    // SAFETY: getrandom writes at most `bytes.len()` bytes; up to 256 come whole once the pool is seeded.
    let got = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) };
    if got != bytes.len() as isize {
        return Err(SysError::last("getrandom"));
    }
    let mut path = dir.to_bytes().to_vec();
    path.extend_from_slice(b"/.vmem-");
    for byte in bytes {
        path.extend_from_slice(format!("{byte:02x}").as_bytes());
    }
    CString::new(path).map_err(|_| SysError::of(libc::EINVAL, "open"))
}

/// What a descriptor stands for, as far as mapping it needs to know.
#[derive(Debug)]
pub struct FileFacts {
    pub kind: FileKind,
    pub key: FileKey,
    /// Bytes that may be mapped and touched.
    pub size: u64,
    /// Bytes of storage that the file has.
    pub allocated: u64,
    /// Address, file offset and length of a mapping are multiples of this.
    pub alignment: u64,
    /// The size of a block of the file system.
    pub block_size: u64,
    /// `f_type` of statfs(2).
    pub file_system: u64,
    pub readable: bool,
    pub writable: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub enum FileKind {
    Regular,
    DaxDevice { major: u32, minor: u32 },
}

/// Looks at a descriptor, and refuses with `syscall`'s own errno what is neither a regular file nor a DAX device.
pub fn file_facts(fd: RawFd, syscall: &'static str) -> SysResult<FileFacts> {
    // SAFETY: F_GETFL takes no argument and touches no memory of ours.
    let flags = unsafe { libc::fcntl(fd, libc::F_GETFL) };
    if flags == -1 {
        return Err(SysError::refused(
            last_errno(),
            syscall,
            "not an open file descriptor",
        ));
    }
    if flags & libc::O_PATH != 0 {
        return Err(SysError::refused(
            libc::EBADF,
            syscall,
            "the file is open with O_PATH, neither for reading nor for writing",
        ));
    }
    let status = stat(fd)?;
    let (kind, size, alignment) = match status.st_mode & libc::S_IFMT {
        libc::S_IFREG => (FileKind::Regular, status.st_size as u64, page_size()),
        libc::S_IFCHR => {
            let major = libc::major(status.st_rdev);
            let minor = libc::minor(status.st_rdev);
            let sysfs = Path::new(SYSFS_CHAR_DEVICES);
            let device = dax_device(sysfs, (major, minor), syscall)?.ok_or_else(|| {
                SysError::refused(
                    libc::ENODEV,
                    syscall,
                    format!("expected a regular file or a DAX device, got character device {major}:{minor}"),
                )
            })?;
            let kind = FileKind::DaxDevice { major, minor };
            (kind, device.size, device.alignment.max(page_size()))
        }
        other => return Err(wrong_kind(other, syscall)),
    };

    let mut volume = MaybeUninit::<libc::statfs>::uninit();
    // SAFETY: fstatfs fills the whole structure when it returns 0, which is checked before it is read.
    if unsafe { libc::fstatfs(fd, volume.as_mut_ptr()) } != 0 {
        return Err(SysError::last("fstatfs"));
    }
    // SAFETY: initialised by the successful call above.
    let volume = unsafe { volume.assume_init() };
    let file_system = volume.f_type as u64;
    // A file of hugetlbfs is mapped in whole huge pages, whose size that file system calls its block size.
    let alignment = match file_system == libc::HUGETLBFS_MAGIC as u64 {
        true => alignment.max(volume.f_bsize as u64),
        false => alignment,
    };

    let access = flags & libc::O_ACCMODE;
    Ok(FileFacts {
        kind,
        key: (status.st_dev, status.st_ino),
        size,
        allocated: status.st_blocks as u64 * 512,
        alignment,
        block_size: (status.st_blksize as u64).max(512),
        file_system,
        readable: access == libc::O_RDONLY || access == libc::O_RDWR,
        writable: access == libc::O_WRONLY || access == libc::O_RDWR,
    })
}

fn wrong_kind(mode: libc::mode_t, syscall: &'static str) -> SysError {
    let (errno, kind) = match mode {
        libc::S_IFDIR => (libc::EISDIR, "a directory"),
        libc::S_IFIFO => (libc::ESPIPE, "a pipe"),
        libc::S_IFSOCK => (libc::ESPIPE, "a socket"),
        libc::S_IFBLK => (libc::ENODEV, "a block device"),
        _ => (libc::ENODEV, "something else"),
    };
    let reason = format!("expected a regular file or a DAX device, got {kind}");
    SysError::refused(errno, syscall, reason)
}

fn stat(fd: RawFd) -> SysResult<libc::stat> {
    let mut status = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: fstat fills the whole structure when it returns 0, which is checked before it is read.
    match unsafe { libc::fstat(fd, status.as_mut_ptr()) } {
        // SAFETY: initialised by the successful call above.
        0 => Ok(unsafe { status.assume_init() }),
        _ => Err(SysError::last("fstat")),
    }
}

/// Whether loads and stores in a mapping of the file reach its storage itself, with no page cache between (statx(2),
/// STATX_ATTR_DAX). False also where the kernel doesn't tell, before Linux 5.8.
pub fn is_dax(fd: RawFd) -> bool {
    let mut status = MaybeUninit::<libc::statx>::uninit();
    // SAFETY: the path is NUL-terminated and empty, so that the descriptor is what is asked about; statx fills the whole
    // structure when it returns 0, which is checked before it is read.
    unsafe {
        libc::statx(
            fd,
            c"".as_ptr(),
            libc::AT_EMPTY_PATH,
            0,
            status.as_mut_ptr(),
        ) == 0
            && status.assume_init().stx_attributes & libc::STATX_ATTR_DAX as u64 != 0
    }
}

fn file_key(fd: RawFd) -> SysResult<FileKey> {
    stat(fd).map(|status| (status.st_dev, status.st_ino))
}

/// A second descriptor for the same open file. What is checked of it stays true while another thread closes the first
/// and its number comes to mean another file.
pub fn duplicate(fd: RawFd, syscall: &'static str) -> SysResult<OwnedFd> {
    // SAFETY: F_DUPFD_CLOEXEC takes an int and touches no memory of ours.
    match unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 0) } {
        -1 if last_errno() == libc::EBADF => Err(SysError::refused(
            libc::EBADF,
            syscall,
            "not an open file descriptor",
        )),
        -1 => Err(SysError::last("fcntl")),
        // SAFETY: fcntl just made this descriptor and nobody else has seen it.
        duplicate => Ok(unsafe { OwnedFd::from_raw_fd(duplicate) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errno::errno_name;

    fn temp_dir() -> CString {
        CString::new(std::env::temp_dir().to_str().unwrap()).unwrap()
    }

    #[test]
    fn an_unnamed_file_is_empty_and_read_write() {
        let fd = open_unnamed_file(&temp_dir()).unwrap();
        let facts = file_facts(fd, "mmap").unwrap();
        assert_eq!(facts.kind, FileKind::Regular);
        assert_eq!((facts.size, facts.allocated), (0, 0));
        assert!(facts.readable && facts.writable);
        close_file(fd).unwrap();
        assert_eq!(close_file(fd).unwrap_err().errno, libc::EBADF);
    }

    #[test]
    fn the_fallback_leaves_no_name_behind() {
        let dir = std::env::temp_dir().join(format!("vmem-unnamed-{}", std::process::id()));
        std::fs::create_dir(&dir).unwrap();
        let file = open_and_unlink(&CString::new(dir.to_str().unwrap()).unwrap()).unwrap();
        let status = stat(file.as_raw_fd()).unwrap();
        assert_eq!(status.st_nlink, 0);
        assert_eq!(status.st_mode & 0o7777, 0o600);
        assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 0);
        std::fs::remove_dir(&dir).unwrap();
    }

    #[test]
    fn falls_back_where_a_file_system_has_no_unnamed_files() {
        // /proc knows neither way, so that the error is that of the second one.
        let error = open_unnamed_file(c"/proc").unwrap_err();
        assert_ne!(errno_name(error.errno), "EOPNOTSUPP");
        let error = open_unnamed_file(c"/nowhere/at/all").unwrap_err();
        assert_eq!((error.errno, error.syscall), (libc::ENOENT, "open"));
    }

    #[test]
    fn closes_only_what_it_opened() {
        let mine = open(&temp_dir(), libc::O_DIRECTORY, 0).unwrap();
        assert_eq!(close_file(mine.as_raw_fd()).unwrap_err().errno, libc::EBADF);
        assert!(stat(mine.as_raw_fd()).is_ok(), "still open");
        assert_eq!(close_file(-1).unwrap_err().errno, libc::EBADF);
    }

    #[test]
    fn leaves_a_reused_number_alone() {
        let other = open_and_unlink(&temp_dir()).unwrap();
        let fd = open_unnamed_file(&temp_dir()).unwrap();
        // SAFETY: both are open descriptors of this test.
        assert_eq!(unsafe { libc::dup2(other.as_raw_fd(), fd) }, fd);
        assert_eq!(close_file(fd).unwrap_err().errno, libc::EBADF);
        assert!(stat(fd).is_ok(), "still open");
        // SAFETY: the test owns the number and closes it once.
        unsafe { libc::close(fd) };
    }

    #[test]
    fn a_file_is_elsewhere_by_its_number_or_where_none_is_open() {
        let found = |errno| Err(SysError::of(errno, "fstat"));
        assert!(!is_elsewhere(Ok((1, 2)), (1, 2)));
        assert!(is_elsewhere(Ok((1, 3)), (1, 2)));
        assert!(is_elsewhere(found(libc::EBADF), (1, 2)));
        assert!(!is_elsewhere(found(libc::EIO), (1, 2)));
        assert!(!is_elsewhere(found(libc::ESTALE), (1, 2)));
    }

    #[test]
    fn refuses_what_cannot_be_mapped() {
        let errno_of = |path: &CStr, flags| {
            let file = open(path, flags, 0).unwrap();
            file_facts(file.as_raw_fd(), "mmap").unwrap_err().errno
        };
        assert_eq!(errno_of(c"/tmp", libc::O_DIRECTORY), libc::EISDIR);
        assert_eq!(errno_of(c"/dev/zero", libc::O_RDWR), libc::ENODEV);
        assert_eq!(errno_of(c"/proc/self/exe", libc::O_PATH), libc::EBADF);
        assert_eq!(file_facts(-1, "mmap").unwrap_err().errno, libc::EBADF);
    }
}
