//! The functions that JavaScript sees, and nothing else. What they do is in the modules; who may call them with what is
//! documented, and checked, in the TypeScript around them.
#![deny(clippy::all)]
#![deny(unsafe_op_in_unsafe_fn)]
#![deny(clippy::undocumented_unsafe_blocks)]
#![cfg(target_os = "linux")]

mod arguments;
mod barrier;
mod dax;
mod errno;
mod external;
mod file;
mod lending;
mod mapping;
mod pages;
mod room;
mod space;
mod thread;
mod watch;

use std::ops::Range;

use napi::bindgen_prelude::Unknown;
use napi::{sys, Env, JsValue};
use napi_derive::napi;

use arguments::{c_path, done, file_lock, got, int32, mode, whole, Bytes, Done, Got, Made};
use errno::{SysError, SysResult};
use file::{FileFacts, FileKind};
use thread::ThreadIdentity;
use watch::{Operation, Word};

/// Goes up with every change to the functions below, so that TypeScript of another build notices.
#[napi]
pub const INTERFACE_VERSION: u32 = 10;

#[napi]
pub fn page_size() -> f64 {
    pages::page_size() as f64
}

#[napi]
pub fn open_unnamed_file(dir: String) -> Got<i32> {
    got(c_path(dir).and_then(|dir| file::open_unnamed_file(&dir)))
}

#[napi]
pub fn open_file(path: String) -> Got<i32> {
    got(c_path(path).and_then(|path| file::open_file(&path)))
}

#[napi]
pub fn open_memory_file() -> Got<i32> {
    got(file::open_memory_file())
}

#[napi]
pub fn adopt_file(fd: f64) -> Got<i32> {
    got(int32(fd, "fcntl").and_then(file::adopt_file))
}

#[napi]
pub fn lock_file(fd: f64, lock: String) -> Done {
    done((|| file::lock_file(int32(fd, "flock")?, file_lock(&lock)?))())
}

#[napi]
pub fn close_file(fd: f64) -> Done {
    done(int32(fd, "close").and_then(file::close_file))
}

#[napi]
pub fn allocate_file(fd: f64, offset: f64, length: f64) -> Done {
    done((|| {
        space::allocate(int32(fd, "fallocate")?, file_range(offset, length)?)
    })())
}

#[napi]
pub fn punch_hole(fd: f64, offset: f64, length: f64) -> Done {
    done((|| {
        space::punch_hole(int32(fd, "fallocate")?, file_range(offset, length)?)
    })())
}

fn file_range(offset: f64, length: f64) -> SysResult<Range<u64>> {
    let (offset, length) = (whole(offset, "fallocate")?, whole(length, "fallocate")?);
    if length == 0 {
        let reason = "expected a length above 0";
        return Err(SysError::refused(libc::EINVAL, "fallocate", reason));
    }
    Ok(offset..offset + length) // at most 2^54
}

#[napi(object, object_from_js = false)]
pub struct Info {
    pub size: f64,
    pub blocks_bytes: f64,
    pub alignment: f64,
    pub is_char_device: bool,
    pub is_dax: bool,
    pub major: u32,
    pub minor: u32,
    pub fs_type: f64,
    pub id: String,
}

#[napi]
pub fn file_info(fd: f64) -> Got<Info> {
    got(int32(fd, "fstat").and_then(|fd| {
        let facts = file::file_facts(fd, "fstat")?;
        Ok(Info::of(facts, file::is_dax(fd)))
    }))
}

impl Info {
    fn of(facts: FileFacts, has_dax_file: bool) -> Info {
        let (is_char_device, major, minor) = match facts.kind {
            FileKind::Regular => (false, 0, 0),
            FileKind::DaxDevice { major, minor } => (true, major, minor),
        };
        Info {
            size: facts.size as f64,
            blocks_bytes: facts.allocated as f64,
            alignment: facts.alignment as f64,
            is_char_device,
            is_dax: is_char_device || has_dax_file,
            major,
            minor,
            fs_type: facts.file_system as f64,
            id: format!("{:x}:{:x}", facts.key.0, facts.key.1),
        }
    }
}

/// The address of a range, as far as a number tells it: for its alignment.
#[napi]
pub fn address_modulo(bytes: Bytes, modulus: f64) -> f64 {
    match whole(modulus, "mmap") {
        Ok(modulus) if modulus > 0 => (bytes.span.address as u64 % modulus) as f64,
        _ => 0.0,
    }
}

#[napi]
pub fn overlay_file(bytes: Bytes, fd: f64, file_offset: f64, mode_name: String) -> Done {
    done((|| {
        let (fd, offset) = (int32(fd, "mmap")?, whole(file_offset, "mmap")?);
        let mode = mode(&mode_name)?;
        // SAFETY: the TypeScript side makes `bytes` from a buffer that V8 itself calls a growable SharedArrayBuffer.
        unsafe { mapping::overlay(bytes.span, fd, offset, mode) }
    })())
}

#[napi]
pub fn drop_mapping(bytes: Bytes) -> Done {
    // SAFETY: as for `overlay_file`.
    done(unsafe { mapping::drop_mapping(bytes.span) })
}

#[napi]
pub fn may_map(count: u32) -> bool {
    room::may_map(u64::from(count))
}

#[napi]
pub fn free_file_space(bytes: Bytes) -> Done {
    // SAFETY: as for `overlay_file`, or of a buffer that `map_file` made.
    done(unsafe { mapping::free_file_space(bytes.span) })
}

#[napi]
pub fn advise(bytes: Bytes, advice: String) -> Done {
    let Some(advice) = mapping::advice_number(&advice) else {
        let reason = "unknown advice";
        return done(Err(SysError::refused(libc::EINVAL, "madvise", reason)));
    };
    // SAFETY: as for `free_file_space`; the TypeScript side lets a range end inside a page only at the buffer's end.
    done(unsafe { mapping::advise(bytes.span, advice) })
}

#[napi]
pub fn sync(bytes: Bytes, wait: bool) -> Done {
    done(mapping::sync(bytes.span, wait))
}

#[napi]
pub fn map_file(env: Env, fd: f64, offset: f64, length: f64, mode_name: String) -> Got<Made> {
    got((|| {
        let fd = int32(fd, "mmap")?;
        let (offset, length) = (whole(offset, "mmap")?, whole(length, "mmap")?);
        let mapped = mapping::map_file(fd, offset, length, mode(&mode_name)?)?;
        // SAFETY: `env` is this call's; the mapping is new, at least `length` long, and handed over.
        unsafe { external::array_buffer(env.raw(), mapped, length as usize) }.map(Made)
    })())
}

#[napi]
pub fn open_lending(env: Env, bytes: Bytes, desk: Bytes) -> Got<u32> {
    // SAFETY: `env` is this call's; the TypeScript side makes `bytes` from a growable SharedArrayBuffer.
    got(unsafe { lending::open(env.raw(), bytes.value, desk.span) })
}

#[napi]
pub fn lend(env: Env, lending: u32, offset: f64, length: f64) -> Got<Made> {
    got((|| {
        let (offset, length) = (whole(offset, "lend")?, whole(length, "lend")?);
        // SAFETY: `env` is this call's.
        unsafe { lending::lend(env.raw(), lending, offset as usize, length as usize) }.map(Made)
    })())
}

#[napi]
pub fn can_lend_shared() -> bool {
    lending::can_lend_shared()
}

#[napi]
pub fn lend_shared(env: Env, lending: u32, offset: f64, length: f64) -> Got<Made> {
    got((|| {
        let (offset, length) = (whole(offset, "lend")?, whole(length, "lend")?);
        // SAFETY: `env` is this call's.
        unsafe { lending::lend_shared(env.raw(), lending, offset as usize, length as usize) }
            .map(Made)
    })())
}

#[napi]
pub fn returned_count(lending: u32) -> f64 {
    lending::returned_count(lending) as f64
}

#[napi]
pub fn take_returned(lending: u32) -> f64 {
    lending::take_returned(lending) as f64
}

/// V8 collects all garbage at once when it hears of more foreign memory than it allows for.
#[napi]
pub fn collect_garbage(env: Env) {
    const FAR_TOO_MUCH: i64 = 1 << 40;
    for change in [FAR_TOO_MUCH, -FAR_TOO_MUCH] {
        // SAFETY: `env` is this call's.
        unsafe { sys::napi_adjust_external_memory(env.raw(), change, &mut 0) };
    }
}

#[napi]
pub fn is_lent(bytes: Bytes) -> bool {
    lending::is_inside(bytes.span)
}

#[napi]
pub fn detach_buffer(env: Env, buffer: Unknown) -> bool {
    // SAFETY: `env` is this call's, `buffer` a value in it.
    unsafe { lending::detach(env.raw(), buffer.raw()) }
}

#[napi(object)]
pub struct Identity {
    pub pid: f64,
    pub tid: f64,
    pub start_time: f64,
}

#[napi]
pub fn thread_identity() -> Got<Identity> {
    got(thread::this_thread().map(|identity| Identity {
        pid: f64::from(identity.pid),
        tid: f64::from(identity.tid),
        start_time: identity.start_time as f64,
    }))
}

#[napi]
pub fn is_thread_alive(pid: f64, tid: f64, start_time: Option<f64>) -> bool {
    let answer = (|| {
        let (pid, tid) = (int32(pid, "tgkill")?, int32(tid, "tgkill")?);
        let Some(start_time) = start_time else {
            return Ok::<_, SysError>(thread::is_number_in_use(pid, tid));
        };
        let start_time = whole(start_time, "tgkill")?;
        Ok(thread::is_thread_alive(ThreadIdentity {
            pid,
            tid,
            start_time,
        }))
    })();
    answer.unwrap_or(false)
}

#[napi]
pub fn thread_barrier() -> bool {
    barrier::thread_barrier()
}

/// Each word is three numbers: its offset in `bytes`, 1 to add or 0 to store, and the value.
#[napi]
pub fn start_watch(env: Env, bytes: Bytes, words: Vec<f64>) -> Got<u32> {
    got((|| {
        let words = words
            .chunks_exact(3)
            .map(|word| {
                let value = int32(word[2], "watch")?;
                Ok(Word {
                    byte_offset: whole(word[0], "watch")? as usize,
                    operation: match word[1] == 1.0 {
                        true => Operation::Add(value),
                        false => Operation::Store(value),
                    },
                })
            })
            .collect::<SysResult<Vec<Word>>>()?;
        // SAFETY: `env` is this call's, and `bytes` came from it as a Uint8Array.
        unsafe { watch::start(env.raw(), bytes.value, words) }.map_err(|status| {
            let reason = format!("Node-API status {status}");
            SysError::refused(libc::ENOMEM, "napi_add_env_cleanup_hook", reason)
        })
    })())
}

#[napi]
pub fn cancel_watch(id: u32) -> bool {
    watch::cancel(id)
}

#[napi]
pub fn cancel_watches_inside(bytes: Bytes) -> u32 {
    watch::cancel_inside(bytes.span) as u32
}
