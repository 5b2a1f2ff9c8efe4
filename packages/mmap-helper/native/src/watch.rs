//! Words that are written when a thread's JavaScript environment ends, for whatever reason: the thread's other code has
//! no say any more after `worker.terminate()`, `process.exit()` or out of memory, but Node runs cleanup hooks, on the
//! dying thread.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use napi::sys;

use crate::arguments::byte_span;
use crate::mapping::Span;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Store(i32),
    Add(i32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word {
    /// From the start of the watch's bytes; a multiple of 4.
    pub byte_offset: usize,
    pub operation: Operation,
}

/// What one hook does. It belongs to Node's list of hooks until the hook ran or was removed.
struct Watch {
    id: u32,
    /// Its entry in `TARGETS`.
    ticket: u64,
    env: sys::napi_env,
    /// A strong reference to a Uint8Array over the buffer. The address is asked for when the hook runs: an ArrayBuffer
    /// may have been detached by then, which leaves a length of 0. (Node itself does that to every ArrayBuffer over
    /// foreign memory before it runs hooks.)
    bytes: sys::napi_ref,
    words: Vec<Word>,
}

#[derive(Default)]
struct Watches {
    last_id: u32,
    /// Made by `Box::into_raw`; freed by the hook or by `cancel`, whichever takes the entry out.
    by_id: HashMap<u32, *mut Watch>,
}

/// Where the watches of all threads will write. Whoever takes an entry out decides that watch: the dying thread, which
/// writes while it holds the lock, or a thread that wants the memory for something else.
struct Targets {
    last_ticket: u64,
    addresses: BTreeMap<u64, Vec<usize>>,
}

impl Targets {
    fn add(&mut self, addresses: Vec<usize>) -> u64 {
        self.last_ticket += 1;
        self.addresses.insert(self.last_ticket, addresses);
        self.last_ticket
    }

    /// False if somebody else was here before.
    fn take(&mut self, ticket: u64) -> bool {
        self.addresses.remove(&ticket).is_some()
    }

    /// Takes out those with a word in `span`; returns their number.
    fn take_inside(&mut self, span: Span) -> usize {
        let start = span.address as usize;
        let range = start..start + span.length;
        let before = self.addresses.len();
        self.addresses
            .retain(|_, words| !words.iter().any(|address| range.contains(address)));
        before - self.addresses.len()
    }
}

static TARGETS: Mutex<Targets> = Mutex::new(Targets {
    last_ticket: 0,
    addresses: BTreeMap::new(),
});

fn targets() -> MutexGuard<'static, Targets> {
    TARGETS.lock().unwrap_or_else(PoisonError::into_inner)
}

thread_local! {
    static WATCHES: RefCell<Watches> = RefCell::default();
}

/// Has `words` of `bytes` written when `env` ends. Returns the number to cancel it by, or the status of the Node-API call
/// that failed.
///
/// # Safety
/// `env` is the calling thread's, `bytes` a Uint8Array in it.
pub unsafe fn start(
    env: sys::napi_env,
    bytes: sys::napi_value,
    words: Vec<Word>,
) -> Result<u32, sys::napi_status> {
    // SAFETY: the caller vouches for `env` and `bytes`.
    let span = unsafe { byte_span(env, bytes) }.ok_or(sys::Status::napi_invalid_arg)?;
    let mut reference = ptr::null_mut();
    // SAFETY: as above.
    let status = unsafe { sys::napi_create_reference(env, bytes, 1, &mut reference) };
    if status != sys::Status::napi_ok {
        return Err(status);
    }
    let id = WATCHES.with_borrow_mut(|watches| {
        watches.last_id = next_free(watches.last_id, &watches.by_id);
        watches.last_id
    });
    let addresses = words
        .iter()
        .map(|word| (span.address as usize).wrapping_add(word.byte_offset));
    let ticket = targets().add(addresses.collect());
    let watch = Box::into_raw(Box::new(Watch {
        id,
        ticket,
        env,
        bytes: reference,
        words,
    }));
    // SAFETY: `watch` stays allocated until the hook has run or is removed.
    let status =
        unsafe { sys::napi_add_env_cleanup_hook(env, Some(environment_ends), watch.cast()) };
    if status != sys::Status::napi_ok {
        targets().take(ticket);
        // SAFETY: Node did not take `watch`, so that it and its reference are still ours alone.
        unsafe {
            drop(Box::from_raw(watch));
            sys::napi_delete_reference(env, reference);
        }
        return Err(status);
    }
    WATCHES.with_borrow_mut(|watches| watches.by_id.insert(id, watch));
    Ok(id)
}

/// Removes a watch of this thread. False if there is none by that number (any more).
pub fn cancel(id: u32) -> bool {
    let Some(watch) = WATCHES.with_borrow_mut(|watches| watches.by_id.remove(&id)) else {
        return false;
    };
    // SAFETY: taken from the map, `watch` is a live allocation that nobody else frees, and its hook has not run: that
    // would have taken it from the map. The map is this thread's, and so `env` is too.
    unsafe {
        let Watch {
            env, bytes, ticket, ..
        } = *watch;
        targets().take(ticket);
        sys::napi_remove_env_cleanup_hook(env, Some(environment_ends), watch.cast());
        sys::napi_delete_reference(env, bytes);
        drop(Box::from_raw(watch));
    }
    true
}

/// Takes back the watches of all threads that would write into `span`, and returns how many. None of them writes there
/// after this: one that is just writing is waited for. Their threads keep the hooks, and the buffers.
pub fn cancel_inside(span: Span) -> usize {
    targets().take_inside(span)
}

/// The number behind `last` that no watch has; 2^32 watches at a time are out of reach.
fn next_free<T>(last: u32, used: &HashMap<u32, T>) -> u32 {
    let mut id = last.wrapping_add(1);
    while used.contains_key(&id) {
        id = id.wrapping_add(1);
    }
    id
}

unsafe extern "C" fn environment_ends(watch: *mut c_void) {
    // SAFETY: Node passes what `start` registered, once; `cancel` would have removed the hook.
    let watch = unsafe { Box::from_raw(watch.cast::<Watch>()) };
    let _ = WATCHES.try_with(|watches| watches.borrow_mut().by_id.remove(&watch.id));

    let env = watch.env;
    let mut scope = ptr::null_mut();
    let mut bytes = ptr::null_mut();
    // SAFETY: the environment outlives its hooks, this is its thread, and none of these calls runs JavaScript. The
    // reference is not deleted: the environment frees those that are left.
    unsafe {
        if sys::napi_open_handle_scope(env, &mut scope) != sys::Status::napi_ok {
            return;
        }
        if sys::napi_get_reference_value(env, watch.bytes, &mut bytes) == sys::Status::napi_ok {
            if let Some(span) = byte_span(env, bytes) {
                let mut targets = targets(); // until all is written
                if targets.take(watch.ticket) {
                    write_words(span, &watch.words);
                }
            }
        }
        sys::napi_close_handle_scope(env, scope);
    }
}

/// # Safety
/// `span` is mapped memory that other threads touch with atomic operations only.
unsafe fn write_words(span: Span, words: &[Word]) {
    for word in words {
        let end = word.byte_offset.checked_add(4);
        if end.is_none_or(|end| end > span.length) {
            continue; // detached or shrunk since
        }
        let address = span.address.wrapping_add(word.byte_offset).cast::<i32>();
        if !address.is_aligned() {
            continue;
        }
        // SAFETY: four aligned bytes inside `span`, as just checked. JavaScript's Atomics and these are the same
        // operations on the same memory; V8 is compiled by the same rules.
        let word_in_memory = unsafe { AtomicI32::from_ptr(address) };
        match word.operation {
            Operation::Store(value) => word_in_memory.store(value, Ordering::SeqCst),
            Operation::Add(value) => {
                word_in_memory.fetch_add(value, Ordering::SeqCst);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_words_in_order_and_skips_what_is_out_of_range() {
        let mut memory = [10i32, 20, 30, 40];
        let span = Span {
            address: memory.as_mut_ptr().cast(),
            length: 12, // the last word is beyond the end
        };
        let word = |byte_offset, operation| Word {
            byte_offset,
            operation,
        };
        let words = [
            word(0, Operation::Store(-1)),
            word(4, Operation::Add(-5)),
            word(4, Operation::Add(1)),
            word(8, Operation::Add(i32::MAX)),
            word(6, Operation::Store(99)),
            word(12, Operation::Store(99)),
            word(usize::MAX - 3, Operation::Store(99)),
        ];
        // SAFETY: `span` is inside `memory`, which this thread alone uses.
        unsafe { write_words(span, &words) };
        assert_eq!(memory, [-1, 16, 30i32.wrapping_add(i32::MAX), 40]);
    }

    #[test]
    fn a_target_is_taken_once() {
        let mut targets = Targets {
            last_ticket: 0,
            addresses: BTreeMap::new(),
        };
        let tickets: Vec<u64> = [vec![100, 200], vec![204], vec![96], vec![300]]
            .into_iter()
            .map(|addresses| targets.add(addresses))
            .collect();
        let span = Span {
            address: ptr::without_provenance_mut(100),
            length: 105,
        };
        assert_eq!(targets.take_inside(span), 2);
        assert_eq!(targets.take_inside(span), 0);
        let left: Vec<bool> = tickets.iter().map(|&t| targets.take(t)).collect();
        assert_eq!(left, [false, false, true, true]);
        assert!(!targets.take(tickets[3]));
    }

    #[test]
    fn numbers_in_use_are_passed_over() {
        let used = HashMap::from([(u32::MAX, ()), (0, ()), (1, ())]);
        assert_eq!(next_free(u32::MAX - 1, &used), 2);
        assert_eq!(next_free(7, &used), 8);
    }

    #[test]
    fn cancelling_what_is_not_there_does_nothing() {
        assert!(!cancel(4711));
    }
}
