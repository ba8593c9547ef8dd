//! Numbers for Prometheus, in a bounded number of series whatever containers do.
#![forbid(unsafe_code)]

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use foldhash::fast::RandomState;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};

use crate::container::{Container, clean, unpoisoned};
use crate::serve::Agent;
use crate::sys::Reply;

/// Series of denials in all, and of one container.
const SERIES: usize = 2048;
const OF_ONE: usize = 64;
/// What stands for all that has no series of its own.
const OTHER: &str = "other";
/// Characters of a label.
const LONGEST: usize = 128;

/// Upper bounds of the histogram, in nanoseconds.
const BOUNDS: [u64; 14] = [
    1_000,
    2_000,
    4_000,
    8_000,
    16_000,
    32_000,
    64_000,
    128_000,
    256_000,
    1_000_000,
    4_000_000,
    16_000_000,
    128_000_000,
    1_000_000_000,
];

/// How one listener's calls are answered. Its own thread writes it, so that threads do not wait for
/// each other's numbers.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    denied: AtomicU64,
    continued: AtomicU64,
    /// Answers that nobody waited for any more.
    unheard: AtomicU64,
    /// Denials without a line of their own in the log.
    suppressed: AtomicU64,
    nanoseconds: AtomicU64,
    /// By the bounds above, and the slower ones.
    slots: [AtomicU64; BOUNDS.len() + 1],
}

fn add(number: &AtomicU64, more: u64) {
    number.fetch_add(more, Ordering::Relaxed);
}

impl Pace {
    /// An answer, and how long it took.
    pub(crate) fn answered(&self, reply: Reply, heard: bool, took: Duration) {
        if !heard {
            add(&self.unheard, 1);
            return;
        }
        let kind = match reply {
            Reply::Errno(_) => &self.denied,
            Reply::Continue => &self.continued,
        };
        add(kind, 1);
        let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        add(&self.nanoseconds, took);
        let slot = BOUNDS.iter().position(|bound| took <= *bound);
        if let Some(slot) = self.slots.get(slot.unwrap_or(BOUNDS.len())) {
            add(slot, 1);
        }
    }

    /// A denial that is counted, but has no line.
    pub(crate) fn suppressed(&self) {
        add(&self.suppressed, 1);
    }

    fn add_to(&self, sum: &Self) {
        let pairs = [
            (&self.denied, &sum.denied),
            (&self.continued, &sum.continued),
            (&self.unheard, &sum.unheard),
            (&self.suppressed, &sum.suppressed),
            (&self.nanoseconds, &sum.nanoseconds),
        ];
        for (from, to) in pairs.into_iter().chain(self.slots.iter().zip(&sum.slots)) {
            add(to, from.load(Ordering::Relaxed));
        }
    }
}

/// What tells one series of denials from another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Labels {
    namespace: String,
    pod: String,
    container: String,
    syscall: String,
}

impl Labels {
    fn of(who: Who<'_>, syscall: &str) -> Self {
        let short = |text: &str| clean(text).chars().take(LONGEST).collect();
        let told = |text: Option<&str>| text.map_or_else(String::new, short);
        // A container makes calls of any number if it likes.
        let syscall = match syscall.strip_prefix("syscall_") {
            Some(_) => "unknown",
            None => syscall,
        };
        Self {
            namespace: told(who.namespace),
            pod: told(who.pod),
            // Docker and Podman tell no name.
            container: short(who.container.unwrap_or(who.id)),
            syscall: syscall.to_owned(),
        }
    }

    fn other() -> Self {
        let other = || OTHER.to_owned();
        Self {
            namespace: other(),
            pod: other(),
            container: other(),
            syscall: other(),
        }
    }

    fn is_of(&self, other: &Self) -> bool {
        (&self.namespace, &self.pod, &self.container)
            == (&other.namespace, &other.pod, &other.container)
    }
}

/// Whose numbers they are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Who<'a> {
    pub(crate) id: &'a str,
    pub(crate) namespace: Option<&'a str>,
    pub(crate) pod: Option<&'a str>,
    pub(crate) container: Option<&'a str>,
}

type Series = HashMap<Labels, (u64, Arc<AtomicU64>), RandomState>;

/// All numbers.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    /// Those of listeners that are there, and the sum of the others.
    paces: Mutex<(Vec<Arc<Pace>>, Pace)>,
    /// With the order in which they came.
    denials: Mutex<Series>,
    /// Calls that were made, and that the kernel logged.
    logged: Mutex<Series>,
    /// Records of the kernel's audit that were lost before we could read them.
    pub(crate) unread: AtomicU64,
}

impl Metrics {
    /// The numbers of a new listener.
    pub(crate) fn pace(&self) -> Arc<Pace> {
        let pace = Arc::new(Pace::default());
        unpoisoned(&self.paces).0.push(Arc::clone(&pace));
        pace
    }

    /// A listener is gone.
    pub(crate) fn retire(&self, pace: &Arc<Pace>) {
        let mut paces = unpoisoned(&self.paces);
        paces.0.retain(|one| !Arc::ptr_eq(one, pace));
        let (_, gone) = &*paces;
        pace.add_to(gone);
    }

    /// The number of denials of a call in a container. Whoever counts holds it, and so its series
    /// stays; those that nobody holds give way when there are too many.
    pub(crate) fn denials(&self, container: &Container, syscall: &str) -> Arc<AtomicU64> {
        let who = &container.who;
        let who = Who {
            id: &who.id,
            namespace: who.namespace.as_deref(),
            pod: who.pod.as_deref(),
            container: who.container.as_deref(),
        };
        number(&self.denials, Labels::of(who, syscall))
    }

    /// The same by the kernel's word, of calls that were denied or only logged.
    pub(crate) fn heard(&self, denied: bool, who: Who<'_>, syscall: &str) -> Arc<AtomicU64> {
        let series = if denied { &self.denials } else { &self.logged };
        number(series, Labels::of(who, syscall))
    }
}

fn number(series: &Mutex<Series>, mut labels: Labels) -> Arc<AtomicU64> {
    let mut series = unpoisoned(series);
    if !series.contains_key(&labels) {
        let of_it = series.keys().filter(|key| key.is_of(&labels)).count();
        if of_it >= OF_ONE {
            labels.syscall = OTHER.to_owned();
        }
        if series.len() >= SERIES {
            let idle = series
                .iter()
                .filter(|(_, (_, one))| Arc::strong_count(one) == 1);
            let oldest = idle.min_by_key(|(_, (order, _))| *order);
            match oldest.map(|(labels, _)| labels.clone()) {
                Some(oldest) => {
                    series.remove(&oldest);
                }
                None => labels = Labels::other(),
            }
        }
    }
    let order = crate::legacy::number();
    let (_, number) = series
        .entry(labels)
        .or_insert_with(|| (order, Arc::default()));
    Arc::clone(number)
}

/// All numbers as Prometheus reads them (OpenMetrics 1.0).
pub(crate) fn text(agent: &Arc<Agent>) -> String {
    let mut registry = Registry::with_prefix("seccomp_shim");
    registry.register_collector(Box::new(Now(Arc::clone(agent))));
    let mut text = String::new();
    // Writing to a String does not fail.
    let _ = encode(&mut text, &registry);
    text
}

/// The numbers of this moment.
#[derive(Debug)]
struct Now(Arc<Agent>);

impl Collector for Now {
    fn encode(&self, mut to: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let Self(agent) = self;
        let sum = Pace::default();
        {
            let paces = unpoisoned(&agent.metrics.paces);
            let (live, gone) = &*paces;
            for pace in live.iter().map(Arc::as_ref).chain([gone]) {
                pace.add_to(&sum);
            }
        }
        let load = |number: &AtomicU64| number.load(Ordering::Relaxed);
        let both = [
            ("denials", "Calls that were denied", &agent.metrics.denials),
            (
                "logged_calls",
                "Calls that were made, and that mode audit had the kernel log",
                &agent.metrics.logged,
            ),
        ];
        for (name, help, series) in both {
            let mut to = to.encode_descriptor(name, help, None, MetricType::Counter)?;
            for (labels, (_, number)) in &*unpoisoned(series) {
                let labels = [
                    ("namespace", labels.namespace.as_str()),
                    ("pod", &labels.pod),
                    ("container", &labels.container),
                    ("syscall", &labels.syscall),
                ];
                let to = to.encode_family(&labels)?;
                ConstCounter::new(load(number)).encode(to)?;
            }
        }
        {
            let help = "Notifications, by how they were answered";
            let mut to = to.encode_descriptor("notifications", help, None, MetricType::Counter)?;
            for (answer, number) in [
                ("errno", &sum.denied),
                ("continue", &sum.continued),
                ("unheard", &sum.unheard),
            ] {
                let labels = [("answer", answer)];
                let to = to.encode_family(&labels)?;
                ConstCounter::new(load(number)).encode(to)?;
            }
        }
        encode_latency(&mut to, &sum)?;
        let counters = [
            (
                "denials_suppressed",
                "Denials that are counted in the log, but have no line of their own",
                load(&sum.suppressed),
            ),
            (
                "log_lines_dropped",
                "Lines that the log had no room for",
                agent.journal.dropped(),
            ),
            (
                "audit_records_lost",
                "Audit records that the kernel had no room for",
                load(&agent.metrics.unread),
            ),
        ];
        for (name, help, number) in counters {
            let to = to.encode_descriptor(name, help, None, MetricType::Counter)?;
            ConstCounter::new(number).encode(to)?;
        }
        let attached = agent.containers.all();
        let attached = attached.iter().filter(|one| one.is_attached()).count();
        let help = "Containers whose calls are answered now";
        let to = to.encode_descriptor("containers_attached", help, None, MetricType::Gauge)?;
        ConstGauge::new(i64::try_from(attached).unwrap_or(i64::MAX)).encode(to)
    }
}

fn encode_latency(to: &mut DescriptorEncoder<'_>, sum: &Pace) -> Result<(), fmt::Error> {
    let help = "From hearing of a call to its answer";
    let unit = Unit::Seconds;
    let name = "answer_latency";
    let mut to = to.encode_descriptor(name, help, Some(&unit), MetricType::Histogram)?;
    let ends = BOUNDS
        .iter()
        .map(|bound| seconds(*bound))
        .chain([f64::INFINITY]);
    let numbers = sum.slots.iter().map(|slot| slot.load(Ordering::Relaxed));
    let buckets: Vec<_> = ends.zip(numbers).collect();
    let count = buckets.iter().map(|(_, number)| *number).sum();
    let all = seconds(sum.nanoseconds.load(Ordering::Relaxed));
    to.encode_histogram::<NoLabelSet>(all, count, &buckets, None)
}

fn seconds(nanoseconds: u64) -> f64 {
    Duration::from_nanos(nanoseconds).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container::tests::container;

    #[test]
    fn series_are_bounded_for_one_container_and_for_all() {
        let metrics = Metrics::default();
        let one = container("one");
        let held: Vec<_> = (0..1000)
            .map(|nr| metrics.denials(&one, &format!("call{nr}")))
            .collect();
        held.iter().for_each(|number| add(number, 1));
        assert_eq!(unpoisoned(&metrics.denials).len(), OF_ONE + 1);
        let unknown = metrics.denials(&container("two"), "syscall_99999");
        add(&unknown, 1);
        let more: Vec<_> = (0..SERIES + 100)
            .map(|id| metrics.denials(&container(&id.to_string()), "mount"))
            .collect();
        more.iter().for_each(|number| add(number, 1));
        let series = unpoisoned(&metrics.denials);
        assert_eq!(series.len(), SERIES + 1);
        let all: u64 = series
            .values()
            .map(|(_, one)| one.load(Ordering::Relaxed))
            .sum();
        assert_eq!(all, 1000 + 1 + SERIES as u64 + 100, "none is lost");
        assert!(series.keys().any(|key| key.syscall == "unknown"));
        assert!(!series.keys().any(|key| key.syscall == "syscall_99999"));
    }

    #[test]
    fn series_of_containers_that_are_gone_give_way() {
        let metrics = Metrics::default();
        for id in 0..SERIES + 10 {
            drop(metrics.denials(&container(&id.to_string()), "mount"));
        }
        let series = unpoisoned(&metrics.denials);
        assert_eq!(series.len(), SERIES);
        let has = |id: &str| series.keys().any(|key| key.container == id);
        assert!(!has("0") && has("100") && !has(OTHER));
    }
}
