//! How many mappings the process may still make. Linux allows it a number (vm.max_map_count), and a runtime that gets none
//! any more ends: so whoever could do without one asks first.

use std::fs::File;
use std::io::{self, Read};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What is left to the runtime and to everybody else: an eighth.
const RESERVE: u64 = 8;
/// Linux' own, where /proc does not tell.
const USUAL_LIMIT: u64 = 65_530;
/// Counting takes the longer the more there are; one that found no room is good for so long.
const PATIENCE: Duration = Duration::from_millis(200);

struct Room {
    /// Mappings that may be made before they are counted again.
    granted: u64,
    refused: Option<Instant>,
}

static ROOM: Mutex<Room> = Mutex::new(Room {
    granted: 0,
    refused: None,
});

/// Whether the process may make `count` more mappings. They are taken for made.
pub fn may_map(count: u64) -> bool {
    let mut room = ROOM.lock().unwrap_or_else(PoisonError::into_inner);
    if room.granted < count {
        let is_known = |since: Instant| since.elapsed() < PATIENCE;
        if room.refused.is_some_and(is_known) {
            return false;
        }
        // it fails when there is no descriptor left
        let used = count_mappings().unwrap_or(u64::MAX);
        // others make mappings, too, before the next count
        room.granted = share(limit(), used) / 2;
        room.refused = (room.granted < count).then(Instant::now);
        if room.refused.is_some() {
            return false;
        }
    }
    room.granted -= count;
    true
}

/// What may be made of `limit` when there are `used`.
fn share(limit: u64, used: u64) -> u64 {
    (limit - limit / RESERVE).saturating_sub(used)
}

fn limit() -> u64 {
    std::fs::read_to_string("/proc/sys/vm/max_map_count")
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(USUAL_LIMIT)
}

/// One a line. No allocation: there may be no mapping left for it.
fn count_mappings() -> io::Result<u64> {
    let mut file = File::open("/proc/self/maps")?;
    let mut buffer = [0u8; 16 * 1024];
    let mut lines = 0;
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(lines),
            read => lines += buffer[..read].iter().filter(|&&byte| byte == b'\n').count() as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_an_eighth() {
        assert_eq!(share(65_530, 0), 57_339);
        assert_eq!(share(65_530, 57_338), 1);
        assert_eq!(share(65_530, 60_000), 0);
    }

    #[test]
    fn counts_what_there_is() {
        let before = count_mappings().unwrap();
        assert!((10..limit()).contains(&before), "{before} mappings");
    }

    #[test]
    fn grants_a_little_and_refuses_too_much() {
        assert!(may_map(2));
        assert!(!may_map(limit()));
    }
}
