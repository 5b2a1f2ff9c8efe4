fn main() {
    napi_build::setup();
    // Node closes an addon when the last thread that loaded it is gone, while the process may still hold what refers to
    // its code and its statics: finalizers, the list of open files. So it stays loaded.
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
