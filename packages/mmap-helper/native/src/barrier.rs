//! A memory fence in every running thread of the process, paid for by the one that asks: the others' fast paths need
//! none of their own.

use std::sync::OnceLock;

// <linux/membarrier.h>; the libc crate has none of these.
const CMD_GLOBAL: libc::c_int = 1;
const CMD_PRIVATE_EXPEDITED: libc::c_int = 1 << 3;
const CMD_REGISTER_PRIVATE_EXPEDITED: libc::c_int = 1 << 4;

/// Whether the kernel took this process into the list of those that may ask; it does so once for all its threads.
static IS_REGISTERED: OnceLock<bool> = OnceLock::new();

/// Has every other thread of the process that runs at this moment execute a full fence, and this one too. One that does
/// not run has passed a fence when it was switched out. False where the kernel can't (before 4.14, or by its settings).
pub fn thread_barrier() -> bool {
    if !*IS_REGISTERED.get_or_init(|| membarrier(CMD_REGISTER_PRIVATE_EXPEDITED)) {
        return false;
    }
    // The fast form may need a little kernel memory, on machines with very many cores. The slow one, which takes
    // milliseconds, never does.
    membarrier(CMD_PRIVATE_EXPEDITED) || membarrier(CMD_GLOBAL)
}

fn membarrier(command: libc::c_int) -> bool {
    // SAFETY: membarrier(2) takes numbers and touches no memory of ours.
    unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hint::{black_box, spin_loop};
    use std::sync::atomic::{compiler_fence, AtomicBool, AtomicU32, Ordering};

    #[test]
    fn works_from_many_threads_at_once() {
        if !thread_barrier() {
            return; // as under a kernel or a seccomp filter that refuses
        }
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| (0..200).for_each(|_| assert!(thread_barrier())));
            }
        });
    }

    #[test]
    fn orders_the_plain_accesses_of_another_thread() {
        if !thread_barrier() {
            return;
        }
        let [go, done, x, y, seen] = [const { AtomicU32::new(0) }; 5];
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut round = 0;
                while !is_over.load(Ordering::Relaxed) {
                    if go.load(Ordering::Acquire) == round {
                        spin_loop();
                        continue;
                    }
                    round += 1;
                    x.store(round, Ordering::Relaxed);
                    compiler_fence(Ordering::SeqCst); // none for the processor
                    seen.store(y.load(Ordering::Relaxed), Ordering::Relaxed);
                    done.store(round, Ordering::Release);
                }
            });
            for round in 1..=2000 {
                go.store(round, Ordering::Release);
                (0..round % 64).for_each(|turn| {
                    black_box(turn);
                });
                y.store(round, Ordering::Relaxed);
                assert!(thread_barrier());
                let saw = x.load(Ordering::Relaxed);
                while done.load(Ordering::Acquire) != round {
                    std::thread::yield_now();
                }
                let either_saw = saw == round || seen.load(Ordering::Relaxed) == round;
                if !either_saw {
                    is_over.store(true, Ordering::Relaxed);
                }
                assert!(either_saw, "round {round}");
            }
            is_over.store(true, Ordering::Relaxed);
        });
    }
}
