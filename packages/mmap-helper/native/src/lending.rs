//! ArrayBuffers and SharedArrayBuffers over parts of a pool's memory, each for as long as V8 uses it.
//!
//! When V8 lets go of such a part, its offset is written down, and whoever manages the memory asks for what has come back.
//! V8 does so on any thread, also on one that is just ending, so nothing here calls JavaScript.
//!
//! A thread has a desk in that memory: numbers that say which part it is about to lend, and which ones have come back to it
//! and are not free yet. What lies there when the thread ends comes back, and the desk itself does.
//!
//! The memory is a SharedArrayBuffer's, which V8 unmaps when the last thread has dropped it. A part may outlive the thread
//! that lent it: a SharedArrayBuffer that was sent to another one, an ArrayBuffer that `transfer()` made. So the main
//! thread has to have opened the lending first, and keeps the memory until the process ends.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::{c_void, CStr};
use std::ptr;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use napi::sys;

use crate::arguments::byte_span;
use crate::errno::{SysError, SysResult};
use crate::mapping::Span;

/// One memory that parts are lent of. Never freed: V8 may return a part at any time.
struct Lending {
    start: usize,
    length: usize,
    /// Offsets of the parts that V8 has let go of.
    returned: Mutex<Vec<usize>>,
}

static LENDINGS: Mutex<Vec<&'static Lending>> = Mutex::new(Vec::new());

/// More pools than one process has; each stays for ever.
const MAX_LENDINGS: usize = 1024;

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn lending(id: u32) -> SysResult<&'static Lending> {
    let found = locked(&LENDINGS).get(id as usize).copied();
    found.ok_or_else(|| SysError::refused(libc::EINVAL, "lend", "there is no such lending"))
}

fn is_main_thread() -> bool {
    // SAFETY: both take nothing and can't fail.
    unsafe { libc::syscall(libc::SYS_gettid) == libc::c_long::from(libc::getpid()) }
}

/// Where a thread notes what is in its hands. Freed by the hook at the thread's end.
struct Desk {
    lending: &'static Lending,
    /// In the lending's memory, aligned, and `length` numbers long. The first one is the part that is being lent.
    numbers: *mut f64,
    length: usize,
}

thread_local! {
    /// By the numbers of lendings. The hooks own the desks, and take them out of here first.
    static DESKS: RefCell<HashMap<u32, *const Desk>> = RefCell::default();
}

/// Has parts of `bytes` lent from now on, and keeps the memory alive until `env` ends. `desk` is a part of it, for this
/// thread alone. Returns the lending's number: the same one in every thread.
///
/// # Safety
/// `env` is the calling thread's, `bytes` a Uint8Array over a SharedArrayBuffer in it.
pub unsafe fn open(env: sys::napi_env, bytes: sys::napi_value, desk: Span) -> SysResult<u32> {
    // SAFETY: the caller vouches for `env` and `bytes`.
    let span = unsafe { byte_span(env, bytes) }
        .filter(|span| span.length > 0)
        .ok_or_else(|| SysError::refused(libc::EINVAL, "lend", "expected bytes of a buffer"))?;
    let (start, desk_start) = (span.address as usize, desk.address as usize);
    let is_inside = desk_start >= start && desk_start + desk.length <= start + span.length;
    if !is_inside || desk.length < 16 || desk.length % 8 != 0 || desk_start % 8 != 0 {
        let reason = "expected a desk of numbers inside the memory";
        return Err(SysError::refused(libc::EINVAL, "lend", reason));
    }
    let (id, lending) = register(start, span.length)?;
    if DESKS.with_borrow(|desks| desks.contains_key(&id)) {
        let reason = "this thread has opened the lending already";
        return Err(SysError::refused(libc::EBUSY, "lend", reason));
    }
    let mut reference = ptr::null_mut();
    // The environment frees the reference when it ends, and not before.
    // SAFETY: the caller vouches for `env` and `bytes`.
    let status = unsafe { sys::napi_create_reference(env, bytes, 1, &mut reference) };
    if status != sys::Status::napi_ok {
        return Err(refused_by_node("napi_create_reference", status));
    }
    let desk = Box::into_raw(Box::new(Desk {
        lending,
        numbers: desk.address.cast(),
        length: desk.length / 8,
    }));
    // SAFETY: `desk` stays allocated until the hook has run.
    let status = unsafe { sys::napi_add_env_cleanup_hook(env, Some(thread_ends), desk.cast()) };
    if status != sys::Status::napi_ok {
        // SAFETY: Node did not take `desk`, so that it and the reference are still ours alone.
        unsafe {
            drop(Box::from_raw(desk));
            sys::napi_delete_reference(env, reference);
        }
        return Err(refused_by_node("napi_add_env_cleanup_hook", status));
    }
    DESKS.with_borrow_mut(|desks| desks.insert(id, desk.cast_const()));
    Ok(id)
}

/// The lending of that memory, which only the main thread makes.
fn register(start: usize, length: usize) -> SysResult<(u32, &'static Lending)> {
    let mut lendings = locked(&LENDINGS);
    let known = lendings
        .iter()
        .position(|known| known.start == start && known.length == length);
    if let Some(id) = known {
        return Ok((id as u32, lendings[id]));
    }
    if !is_main_thread() {
        let reason = "the main thread, which keeps the memory, has to open the lending first";
        return Err(SysError::refused(libc::EPERM, "lend", reason));
    }
    if lendings.len() == MAX_LENDINGS {
        let reason = "as many memories are lent of as can be";
        return Err(SysError::refused(libc::EAGAIN, "lend", reason));
    }
    lendings.push(Box::leak(Box::new(Lending {
        start,
        length,
        returned: Mutex::default(),
    })));
    let id = lendings.len() - 1;
    Ok((id as u32, lendings[id]))
}

unsafe extern "C" fn thread_ends(desk: *mut c_void) {
    // SAFETY: Node passes what `open` registered, once, on the thread that did.
    let desk = unsafe { Box::from_raw(desk.cast::<Desk>()) };
    let _ = DESKS.try_with(|desks| {
        desks
            .borrow_mut()
            .retain(|_, known| !ptr::eq(*known, &*desk));
    });
    let Desk {
        lending,
        numbers,
        length,
    } = *desk;
    // SAFETY: `open` has checked that the desk lies in the memory, which the main thread keeps until the process ends. No
    // other thread writes there.
    let numbers = unsafe { std::slice::from_raw_parts(numbers, length) };
    let mut returned = locked(&lending.returned);
    let in_hand = numbers.iter().filter(|&&number| number > 0.0);
    returned.extend(in_hand.map(|&number| number as usize));
    returned.push(desk_offset(lending, numbers.as_ptr()));
}

fn desk_offset(lending: &Lending, numbers: *const f64) -> usize {
    numbers as usize - lending.start
}

/// This thread's desk, if it has opened the lending.
fn with_desk<T>(id: u32, act: impl FnOnce(&'static Lending, &mut [f64]) -> T) -> Option<T> {
    let desk = DESKS.with_borrow(|desks| desks.get(&id).copied())?;
    // SAFETY: the hook at this thread's end frees it, and takes it out of the map first.
    let Desk {
        lending,
        numbers,
        length,
    } = *unsafe { &*desk };
    // SAFETY: `open` has checked that the desk lies in the memory, which the main thread keeps until the process ends. It is
    // this thread's alone, and no JavaScript runs in `act`.
    Some(act(lending, unsafe {
        std::slice::from_raw_parts_mut(numbers, length)
    }))
}

/// Made by `Box::into_raw`, and freed by the finalizer.
struct Part {
    lending: &'static Lending,
    offset: usize,
}

impl Part {
    fn new(id: u32, offset: usize, length: usize) -> SysResult<(Box<Part>, Span)> {
        let lending = lending(id)?;
        if length == 0
            || offset
                .checked_add(length)
                .is_none_or(|end| end > lending.length)
        {
            let reason = "expected a part of the memory";
            return Err(SysError::refused(libc::EINVAL, "lend", reason));
        }
        let address = ptr::with_exposed_provenance_mut(lending.start + offset);
        Ok((Box::new(Part { lending, offset }), Span { address, length }))
    }

    fn give_back(self) {
        locked(&self.lending.returned).push(self.offset);
    }
}

/// Has `create` make a buffer of a part: it gets the part's address and length, and what the finalizer is to get, once.
///
/// # Safety
/// `env` is the calling thread's.
unsafe fn lend_by(
    env: sys::napi_env,
    id: u32,
    range: (usize, usize),
    call: &'static str,
    create: impl FnOnce(*mut c_void, usize, *mut c_void, *mut sys::napi_value) -> sys::napi_status,
) -> SysResult<sys::napi_value> {
    let (part, span) = Part::new(id, range.0, range.1)?;
    let hint = Box::into_raw(part).cast();
    let mut buffer = ptr::null_mut();
    let status = create(span.address.cast(), span.length, hint, &mut buffer);
    if status == sys::Status::napi_ok {
        // From now on the part comes back by its buffer's end, and not by the thread's.
        with_desk(id, |_, numbers| numbers[0] = 0.0);
        return Ok(buffer);
    }
    // Whether the finalizer ran, or will, can't be told: the part stays lent for ever.
    // SAFETY: the caller vouches for `env`.
    unsafe { sys::napi_get_and_clear_last_exception(env, &mut ptr::null_mut()) };
    Err(refused_by_node(call, status))
}

/// An ArrayBuffer over a part of the memory.
///
/// # Safety
/// `env` is the calling thread's.
pub unsafe fn lend(
    env: sys::napi_env,
    id: u32,
    offset: usize,
    length: usize,
) -> SysResult<sys::napi_value> {
    let call = "napi_create_external_arraybuffer";
    let dropped: sys::napi_finalize = Some(array_buffer_dropped);
    // SAFETY: the caller vouches for `env`; the memory stays mapped until the process ends. The finalizer gets `hint` once.
    unsafe {
        lend_by(
            env,
            id,
            (offset, length),
            call,
            |address, bytes, hint, made| {
                sys::napi_create_external_arraybuffer(env, address, bytes, dropped, hint, made)
            },
        )
    }
}

unsafe extern "C" fn array_buffer_dropped(
    _env: sys::napi_env,
    _address: *mut c_void,
    hint: *mut c_void,
) {
    // SAFETY: Node passes what `lend` registered, once.
    unsafe { Box::from_raw(hint.cast::<Part>()) }.give_back();
}

type Finalizer = unsafe extern "C" fn(address: *mut c_void, hint: *mut c_void);
type CreateShared = unsafe extern "C" fn(
    env: sys::napi_env,
    address: *mut c_void,
    length: usize,
    finalizer: Finalizer,
    hint: *mut c_void,
    result: *mut sys::napi_value,
) -> sys::napi_status;

/// A function that this process may export: looked up by name, because the oldest Node.js that this works on has not all of
/// them, and because the others belong to versions of Node-API that bring more along than is wanted here.
fn exported(name: &CStr) -> *mut c_void {
    // SAFETY: looks a name up among what the process exports, and touches nothing.
    unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) }
}

/// Node.js 22.23, 24.21 and 26.10 have it, 20 has not.
fn create_shared() -> Option<CreateShared> {
    static FOUND: OnceLock<Option<CreateShared>> = OnceLock::new();
    *FOUND.get_or_init(|| {
        let address = exported(c"node_api_create_external_sharedarraybuffer");
        // SAFETY: a function of that name is declared like this in node_api.h.
        (!address.is_null()).then(|| unsafe { std::mem::transmute(address) })
    })
}

type DetachArrayBuffer =
    unsafe extern "C" fn(env: sys::napi_env, buffer: sys::napi_value) -> sys::napi_status;

/// Leaves an ArrayBuffer without memory. False if it can't be, or `buffer` is none.
///
/// # Safety
/// `env` is the calling thread's, `buffer` a handle in it.
pub unsafe fn detach(env: sys::napi_env, buffer: sys::napi_value) -> bool {
    static FOUND: OnceLock<Option<DetachArrayBuffer>> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        let address = exported(c"napi_detach_arraybuffer");
        // SAFETY: a function of that name is declared like this in js_native_api.h, Node-API 7.
        (!address.is_null()).then(|| unsafe { std::mem::transmute(address) })
    });
    // SAFETY: the caller vouches for both; what can't be detached is answered with a status.
    found.is_some_and(|detach| unsafe { detach(env, buffer) } == sys::Status::napi_ok)
}

pub fn can_lend_shared() -> bool {
    create_shared().is_some()
}

/// A SharedArrayBuffer over a part of the memory.
///
/// # Safety
/// `env` is the calling thread's.
pub unsafe fn lend_shared(
    env: sys::napi_env,
    id: u32,
    offset: usize,
    length: usize,
) -> SysResult<sys::napi_value> {
    let Some(create) = create_shared() else {
        let reason = "this runtime allows no foreign memory under a SharedArrayBuffer";
        return Err(SysError::refused(libc::EOPNOTSUPP, "lend", reason));
    };
    let call = "node_api_create_external_sharedarraybuffer";
    // SAFETY: as in `lend`. The finalizer may run on any thread: it touches only what is there for the process' life.
    unsafe {
        lend_by(
            env,
            id,
            (offset, length),
            call,
            |address, bytes, hint, made| {
                create(env, address, bytes, shared_buffer_dropped, hint, made)
            },
        )
    }
}

unsafe extern "C" fn shared_buffer_dropped(_address: *mut c_void, hint: *mut c_void) {
    // SAFETY: Node passes what `lend_shared` registered, once.
    unsafe { Box::from_raw(hint.cast::<Part>()) }.give_back();
}

/// How many parts have come back and wait to be asked for.
pub fn returned_count(id: u32) -> usize {
    lending(id).map_or(0, |lending| locked(&lending.returned).len())
}

/// Puts offsets of parts that have come back on this thread's desk, behind the first number, as many as there is room for.
pub fn take_returned(id: u32) -> usize {
    let taken = with_desk(id, |lending, numbers| {
        let room = &mut numbers[1..];
        let mut returned = locked(&lending.returned);
        let kept = returned.len().saturating_sub(room.len());
        let mut count = 0;
        for offset in returned.drain(kept..) {
            room[count] = offset as f64;
            count += 1;
        }
        count
    });
    taken.unwrap_or(0)
}

/// Whether these bytes lie in memory that parts are lent of.
pub fn is_inside(span: Span) -> bool {
    let start = span.address as usize;
    let holds =
        |lending: &&Lending| (lending.start..lending.start + lending.length).contains(&start);
    span.length > 0 && locked(&LENDINGS).iter().any(holds)
}

fn refused_by_node(call: &'static str, status: sys::napi_status) -> SysError {
    SysError::refused(libc::ENOMEM, call, format!("Node-API status {status}"))
}
