//! Who a thread is, so that others can tell later whether it still runs.
//!
//! The kernel uses a thread's number again once it is free: only together with the time at which the thread started does
//! it name one thread for good (until the next boot).

use std::cell::Cell;
use std::fs;

use crate::errno::{last_errno, SysError, SysResult};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThreadIdentity {
    pub pid: i32,
    pub tid: i32,
    /// Clock ticks after boot: field 22 of /proc/PID/task/TID/stat, see proc(5).
    pub start_time: u64,
}

thread_local! {
    static THIS_THREAD: Cell<Option<ThreadIdentity>> = const { Cell::new(None) };
}

/// The calling thread. Reads /proc once a thread.
pub fn this_thread() -> SysResult<ThreadIdentity> {
    if let Some(identity) = THIS_THREAD.get() {
        return Ok(identity);
    }
    // SAFETY: getpid and gettid take nothing and can't fail. (glibc before 2.30 has no function for the latter.)
    let (pid, tid) = unsafe { (libc::getpid(), libc::syscall(libc::SYS_gettid) as i32) };
    let stat = read_stat(pid, tid).map_err(|errno| match errno {
        libc::ENOENT | libc::ENOTDIR | libc::EACCES | libc::EPERM => {
            let reason = format!(
                "/proc/{pid}/task/{tid}/stat, by which threads are told apart, can't be read; mount /proc, \
                 that of the process' own pid namespace"
            );
            SysError::refused(libc::ENOTSUP, "open", reason)
        }
        _ => SysError::of(errno, "open"),
    })?;
    let Some(Stat { start_time, .. }) = stat else {
        let reason = "/proc/PID/task/TID/stat is not as proc(5) describes it";
        return Err(SysError::refused(libc::EPROTO, "read", reason));
    };
    let identity = ThreadIdentity {
        pid,
        tid,
        start_time,
    };
    THIS_THREAD.set(Some(identity));
    Ok(identity)
}

/// False only when the thread is gone for certain: it has ended, or its number belongs to a later one. Where /proc
/// hides other users' processes (mount option hidepid), a number that is in use counts as alive.
pub fn is_thread_alive(identity: ThreadIdentity) -> bool {
    let ThreadIdentity { pid, tid, .. } = identity;
    if !is_number_in_use(pid, tid) {
        return false;
    }
    match read_stat(pid, tid) {
        Ok(Some(stat)) => stat.start_time == identity.start_time && !stat.has_ended(),
        // It ended since, or is hidden.
        Ok(None) | Err(_) => is_number_in_use(pid, tid),
    }
}

/// Whether any thread of the process has the number: one system call, where `is_thread_alive` reads /proc.
pub fn is_number_in_use(pid: i32, tid: i32) -> bool {
    // SAFETY: signal 0 is sent to nobody; tgkill(2) only tells whether it could be.
    let status = unsafe { libc::syscall(libc::SYS_tgkill, pid, tid, 0) };
    status == 0 || !matches!(last_errno(), libc::ESRCH | libc::EINVAL)
}

#[derive(Debug, PartialEq, Eq)]
struct Stat {
    state: u8,
    start_time: u64,
}

impl Stat {
    /// A zombie keeps its number until its parent has asked for its exit status, but runs no more.
    fn has_ended(&self) -> bool {
        matches!(self.state, b'Z' | b'X' | b'x')
    }
}

/// The file's contents, `Ok(None)` if they aren't understood, or the errno of a read that failed.
fn read_stat(pid: i32, tid: i32) -> Result<Option<Stat>, i32> {
    match fs::read(format!("/proc/{pid}/task/{tid}/stat")) {
        Ok(text) => Ok(parse_stat(&text)),
        Err(error) => Err(error.raw_os_error().unwrap_or(libc::EIO)),
    }
}

/// The second field is the thread's name in parentheses. A name may hold spaces, parentheses and bytes that are no
/// UTF-8, so that the fields behind it are counted from the last closing parenthesis.
fn parse_stat(text: &[u8]) -> Option<Stat> {
    const STATE: usize = 3;
    const START_TIME: usize = 22;
    let name_end = text.iter().rposition(|&byte| byte == b')')?;
    let behind_name = std::str::from_utf8(&text[name_end + 1..]).ok()?;
    let mut fields = behind_name.split_ascii_whitespace();
    let state = fields.next()?.as_bytes();
    let start_time = fields.nth(START_TIME - STATE - 1)?.parse().ok()?;
    match state {
        &[state] => Some(Stat { state, start_time }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEHIND_NAME: &str =
        " S 1 1 1 0 -1 4194560 5 6 7 8 9 10 11 12 20 0 4 0 987654 222294016 3062 184467440737\n";

    fn parse(name: &[u8]) -> Option<Stat> {
        parse_stat(&[b"4711 (", name, b")", BEHIND_NAME.as_bytes()].concat())
    }

    #[test]
    fn finds_the_start_time_behind_any_name() {
        let expected = Some(Stat {
            state: b'S',
            start_time: 987_654,
        });
        let names: [&[u8]; 6] = [
            b"node",
            b"",
            b"a b c",
            b"x) R 1 2 (y",
            b"))))",
            b"\xff\xfe\n)",
        ];
        for name in names {
            assert_eq!(parse(name), expected, "{name:?}");
        }
    }

    #[test]
    fn refuses_what_is_no_stat_line() {
        let lines: [&[u8]; 5] = [
            b"",
            b"1 (x",
            b"1 (x)",
            b"1 (x) S 1 2 3",
            b"1 (x) S 1 1 1 0 -1 0 5 6 7 8 9 10 11 12 20 0 4 0 soon",
        ];
        for line in lines {
            assert_eq!(parse_stat(line), None, "{line:?}");
        }
    }

    #[test]
    fn a_thread_is_alive_until_it_has_ended() {
        let me = this_thread().unwrap();
        assert_eq!(this_thread().unwrap(), me);
        assert!(is_thread_alive(me));
        assert!(is_number_in_use(me.pid, me.tid));

        let other = std::thread::spawn(|| this_thread().unwrap())
            .join()
            .unwrap();
        assert_eq!(other.pid, me.pid);
        assert_ne!(other.tid, me.tid);
        // join returns when the thread has cleared its number, a moment before the kernel has forgotten it.
        let patience = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while is_number_in_use(other.pid, other.tid) && std::time::Instant::now() < patience {
            std::thread::yield_now();
        }
        assert!(!is_number_in_use(other.pid, other.tid));
        assert!(!is_thread_alive(other));
    }

    #[test]
    fn a_number_used_again_is_another_thread() {
        let me = this_thread().unwrap();
        let earlier = ThreadIdentity {
            start_time: me.start_time - 1,
            ..me
        };
        assert!(!is_thread_alive(earlier));
    }

    #[test]
    fn a_zombie_is_not_alive() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = child.id() as i32;
        let start_time = read_stat(pid, pid).unwrap().unwrap().start_time;
        let identity = ThreadIdentity {
            pid,
            tid: pid,
            start_time,
        };
        let patience = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while is_thread_alive(identity) && std::time::Instant::now() < patience {
            std::thread::yield_now();
        }
        assert!(!is_thread_alive(identity));
        assert!(read_stat(pid, pid).unwrap().unwrap().has_ended());
        child.wait().unwrap();
    }
}
