//! What sysfs says of a device DAX node. The kernel neither gives such a device a size that fstat shows, nor refuses a
//! mapping past its end, nor (with MAP_FIXED) one at a misaligned offset: so what it says here is checked beforehand.

use std::fs;
use std::path::Path;

#[derive(Debug, PartialEq, Eq)]
pub struct DaxDevice {
    /// Bytes that can be mapped.
    pub size: u64,
    /// Address, file offset and length of every mapping are multiples of this.
    pub alignment: u64,
}

/// The alignment of kernels whose sysfs doesn't tell it: that of a huge page.
const DEFAULT_ALIGNMENT: u64 = 2 << 20;

pub const SYSFS_CHAR_DEVICES: &str = "/sys/dev/char";

/// Facts about the character device `major`:`minor`, or `None` when it is no DAX device.
pub fn dax_device(sysfs_char_devices: &Path, major: u32, minor: u32) -> Option<DaxDevice> {
    let device = sysfs_char_devices.join(format!("{major}:{minor}"));
    let subsystem = fs::read_link(device.join("subsystem")).ok()?;
    if subsystem.file_name()? != "dax" {
        return None;
    }
    let size = parse_sysfs_number(&fs::read_to_string(device.join("size")).ok()?)?;
    let alignment = match fs::read_to_string(device.join("align")) {
        Ok(text) => parse_sysfs_number(&text)?,
        Err(_) => DEFAULT_ALIGNMENT,
    };
    alignment
        .is_power_of_two()
        .then_some(DaxDevice { size, alignment })
}

/// sysfs writes numbers in decimal, or in hexadecimal with 0x, and ends them with a newline.
fn parse_sysfs_number(text: &str) -> Option<u64> {
    let text = text.trim();
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn parses_sysfs_numbers() {
        assert_eq!(parse_sysfs_number("1071644672\n"), Some(1_071_644_672));
        assert_eq!(parse_sysfs_number("0x200000\n"), Some(2 << 20));
        assert_eq!(parse_sysfs_number("\n"), None);
        assert_eq!(parse_sysfs_number("-1\n"), None);
        assert_eq!(parse_sysfs_number("12 pages"), None);
    }

    fn fake_device(name: &str, subsystem: &str, align: Option<&str>) -> Option<DaxDevice> {
        let sysfs =
            std::env::temp_dir().join(format!("vmem-dax-test-{}-{name}", std::process::id()));
        let device = sysfs.join("252:3");
        fs::create_dir_all(&device).unwrap();
        symlink(format!("../../bus/{subsystem}"), device.join("subsystem")).unwrap();
        fs::write(device.join("size"), "1071644672\n").unwrap();
        if let Some(align) = align {
            fs::write(device.join("align"), align).unwrap();
        }
        let found = dax_device(&sysfs, 252, 3);
        fs::remove_dir_all(sysfs).unwrap();
        found
    }

    #[test]
    fn reads_size_and_alignment() {
        let size = 1_071_644_672;
        let expect = |alignment| Some(DaxDevice { size, alignment });
        assert_eq!(fake_device("4k", "dax", Some("4096\n")), expect(4096));
        assert_eq!(fake_device("none", "dax", None), expect(2 << 20));
    }

    #[test]
    fn refuses_what_is_no_dax_device() {
        assert_eq!(fake_device("mem", "mem", Some("4096\n")), None);
        assert_eq!(fake_device("odd", "dax", Some("4097\n")), None);
        assert_eq!(
            dax_device(Path::new(SYSFS_CHAR_DEVICES), 1, 3),
            None,
            "/dev/null"
        );
    }
}
