//! Oddities of the profile as a whole.

use super::Lint;
use crate::meaning::compares_32_bits;
use crate::{Action, WarningKind, compat};

impl Lint<'_> {
    pub(super) fn whole(&mut self) {
        let start = self.places.start;
        let outcome = |action| crate::meaning::Outcome::new(action, Some(0));
        let success = outcome(Action::ScmpActErrno);
        if self.default == success {
            self.warn(start, WarningKind::Success, None);
        }
        for rule in self.rules.clone() {
            if rule.outcome == success && self.default != success {
                self.warn(rule.rule.offset, WarningKind::Success, None);
            }
        }
        let default = self.default;
        let all = self.rules.iter().all(|rule| rule.outcome == default);
        if let (true, Some(first)) = (all, self.rules.first()) {
            self.warn(first.rule.offset, WarningKind::NoEffect(default), None);
        }
        self.architectures();
        self.listener();
    }

    fn architectures(&mut self) {
        let parsed = self.parsed;
        let others = compat(self.native);
        let mapped = parsed.arch_map.iter();
        let mapped = mapped.flat_map(|entry| std::iter::once(entry.architecture));
        if !parsed.architectures.is_empty()
            || mapped.into_iter().any(|arch| arch == self.native)
            || others.is_empty()
        {
            return;
        }
        let narrow = others.iter().all(|arch| compares_32_bits(*arch));
        let kind = WarningKind::NativeOnly {
            native: self.native,
            others: if narrow { "32-bit" } else { "other" },
        };
        let offset = self.places.architectures.unwrap_or(self.places.start);
        let words: Vec<String> = std::iter::once(&self.native)
            .chain(others)
            .map(|arch| format!("{:?}", crate::words::word(*arch)))
            .collect();
        let mend = format!(
            "to let them in, write \"architectures\": [{}]",
            words.join(", ")
        );
        self.warn(offset, kind, Some(mend));
    }

    fn listener(&mut self) {
        let notifies = self
            .parsed
            .rules
            .iter()
            .any(|rule| rule.action == Action::ScmpActNotify);
        match (self.places.listener_path, self.places.listener_metadata) {
            (Some(at), _) if self.parsed.listener_path.is_some() && !notifies => {
                self.warn(at, WarningKind::IdleListener, None);
            }
            (_, Some(at))
                if self.parsed.listener_metadata.is_some()
                    && self.parsed.listener_path.is_none() =>
            {
                self.warn(at, WarningKind::IdleMetadata, None);
            }
            _ => {}
        }
    }
}
