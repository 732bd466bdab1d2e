//! Temporary.
use super::guest::source;
use crate::tools::{LoadOptions, Toolbox};
use repair_pipeline::outside::Tools;
fn status(name: &str) -> u64 {
    let s = std::fs::read_to_string("/proc/self/status").unwrap();
    s.lines().find(|l| l.starts_with(name)).unwrap().split_whitespace().nth(1).unwrap().parse().unwrap()
}
#[test]
fn zz_measure() {
    let dir = std::env::var("MEASURE_GUESTS").unwrap_or_default();
    if dir.is_empty() { return; }
    let sources = || ["port_conflict", "compose_retry", "collect_logs"].map(|n| source(n, std::fs::read(format!("{dir}/{n}.wasm")).unwrap())).to_vec();
    let cache = std::path::PathBuf::from(std::env::var("MEASURE_CACHE").unwrap());
    eprintln!("before: rss {} hwm {}", status("VmRSS"), status("VmHWM"));
    for _ in 0..std::env::var("MEASURE_N").unwrap().parse::<usize>().unwrap() {
        let s = sources();
        let t = std::time::Instant::now();
        let e = crate::engine::engine().unwrap(); drop(e);
        let te = t.elapsed();
        let t = std::time::Instant::now();
        let mut toolbox = Toolbox::load(s, &LoadOptions { cache_dir: Some(cache.clone()) });
        let tl = t.elapsed();
        assert_eq!(toolbox.failures(), []);
        let t = std::time::Instant::now();
        let r = toolbox.propose("port-conflict", &super::case());
        let tp = t.elapsed();
        eprintln!("engine {te:?} load {tl:?} propose {tp:?} rss {} hwm {} vm {}", status("VmRSS"), status("VmHWM"), status("VmSize"));
        eprintln!("{:?}", r);
    }
    for (i,m) in Toolbox::load(sources(), &LoadOptions { cache_dir: Some(cache) }).manifests().iter().enumerate() { eprintln!("{i} {} {} schema {} bytes", m.tool, m.tool.component, m.params_schema.len()); }
}
fn cpu_ms() -> f64 {
    let s = std::fs::read_to_string("/proc/self/schedstat").unwrap();
    let _ = s;
    let s = std::fs::read_to_string("/proc/self/stat").unwrap();
    let f: Vec<&str> = s.rsplit(')').next().unwrap().split_whitespace().collect();
    (f[11].parse::<f64>().unwrap() + f[12].parse::<f64>().unwrap()) * 10.0
}
#[test]
fn zz_variants() {
    use wasmtime::*;
    let dir = std::env::var("MEASURE_GUESTS").unwrap_or_default();
    if dir.is_empty() { return; }
    let base = || { let mut c = Config::new();
      c.wasm_component_model(true).wasm_relaxed_simd(false).wasm_memory64(false).cranelift_nan_canonicalization(true).consume_fuel(true).epoch_interruption(true).max_wasm_stack(512*1024).wasm_backtrace_max_frames(None).generate_address_map(false);
      c };
    let small = |c: &mut Config| { c.memory_reservation(32<<20).memory_reservation_for_growth(0).memory_may_move(false).memory_guard_size(65536); };
    let mut variants: Vec<(&str, Config)> = vec![];
    for (name, opt) in [("speed", OptLevel::Speed), ("size", OptLevel::SpeedAndSize), ("none", OptLevel::None)] {
        for (mem, s) in [("small", true), ("4g", false)] {
            for ra in ["bt", "sp"] {
            let mut c = base(); c.cranelift_opt_level(opt);
            if s { small(&mut c) }
            if ra == "sp" { c.cranelift_regalloc_algorithm(RegallocAlgorithm::SinglePass); }
            variants.push((Box::leak(format!("{name} {mem} {ra}").into_boxed_str()), c));
            }
        }
    }
    let mut c = base(); c.cranelift_opt_level(OptLevel::None); c.epoch_interruption(false); variants.push(("none 4g noepoch", c));
    let mut c = base(); c.cranelift_opt_level(OptLevel::None); c.consume_fuel(false); variants.push(("none 4g nofuel", c));
    let mut c = base(); c.cranelift_opt_level(OptLevel::None); c.native_unwind_info(false); variants.push(("none 4g nounwind", c));
    for (name, c) in variants {
        let e = match Engine::new(&c) { Ok(e) => e, Err(x) => { eprintln!("{name}: {x:#}"); continue } };
        let bytes: Vec<_> = ["port_conflict", "compose_retry", "collect_logs"].iter().map(|n| std::fs::read(format!("{dir}/{n}.wasm")).unwrap()).collect();
        let t0 = cpu_ms(); let w = std::time::Instant::now();
        let code: Vec<_> = bytes.iter().map(|b| e.precompile_component(b).unwrap()).collect();
        eprintln!("{name}: cpu {} ms wall {:?} code {} KiB", cpu_ms() - t0, w.elapsed(), code.iter().map(|c| c.len()).sum::<usize>() / 1024);
    }
}
#[test]
fn zz_phases() {
    use repair_model::ids::{Digest, Domain};
    let dir = std::env::var("MEASURE_GUESTS").unwrap_or_default();
    if dir.is_empty() { return; }
    let bytes: Vec<std::sync::Arc<std::borrow::Cow<'static, [u8]>>> = ["port_conflict", "compose_retry", "collect_logs"].iter().map(|n| std::sync::Arc::new(std::borrow::Cow::Owned(std::fs::read(format!("{dir}/{n}.wasm")).unwrap()))).collect();
    let cache = crate::cache::Cache::open(&std::path::PathBuf::from(std::env::var("MEASURE_CACHE").unwrap())).unwrap();
    let engine = crate::engine::engine().unwrap();
    let mut best = [f64::MAX; 5];
    for _ in 0..40 {
        let mut now = std::time::Instant::now();
        let mut lap = |at: usize| { let t = now.elapsed().as_secs_f64() * 1e3; if t < best[at] { best[at] = t } now = std::time::Instant::now(); };
        let d: Vec<_> = bytes.iter().map(|b| Digest::of(Domain::Component, b)).collect(); lap(0);
        let c: Vec<_> = bytes.iter().zip(&d).map(|(b, d)| crate::component::load(&engine, b, *d, Some(&cache)).unwrap()).collect(); lap(1);
        for c in &c { crate::imports::check(&engine, c).unwrap(); } lap(2);
        let l = crate::limits::CallLimits::default();
        for c in &c { crate::call::Callable { engine: &engine, component: c, limits: &l }.describe_twice().unwrap(); } lap(3);
        for c in &c { crate::call::Callable { engine: &engine, component: c, limits: &l }.describe_twice().unwrap(); } lap(4);
    }
    eprintln!("best ms: digests {:.2} cached loads {:.2} imports {:.2} describe {:.2} again {:.2}", best[0], best[1], best[2], best[3], best[4]);
}
