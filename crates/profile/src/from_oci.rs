//! Reading the `linux.seccomp` of a container's config.json.

use strict_json::Value;

use crate::conflict::conflicts;
use crate::read_profile;
use crate::reader::Reader;
use crate::{Action, Dialect, ProblemKind, Problems, Rule, Seccomp};

impl Seccomp {
    /// The profile that `value` is, by the OCI runtime spec alone: keys of Docker's or Podman's
    /// are ignored, as runtimes do. Places are those in the whole document.
    ///
    /// Absent or null `names` are none: containerd writes them so for a file of Docker's old
    /// format.
    ///
    /// # Errors
    /// As [`crate::Source::read`], and the same condition with two actions.
    pub fn from_oci(value: &Value<'_>) -> Result<Self, Problems> {
        let mut reader = Reader::new(Dialect::Oci);
        let parsed = read_profile::profile(&mut reader, value);
        let Some(parsed) = parsed else {
            let problems = reader.finish(value.document()).err();
            return Err(problems.unwrap_or_else(Problems::decides_nothing));
        };
        let mut offsets = Vec::with_capacity(parsed.rules.len());
        let mut rules = Vec::with_capacity(parsed.rules.len());
        for rule in parsed.rules {
            offsets.push(rule.offset);
            rules.push(Rule {
                names: rule.names,
                action: rule.action,
                errno: rule.errno,
                args: rule.args,
            });
        }
        let seccomp = Self {
            default_action: parsed.default_action,
            default_errno: parsed.default_errno,
            architectures: parsed.architectures,
            flags: parsed.flags,
            listener_path: parsed.listener_path,
            listener_metadata: parsed.listener_metadata,
            rules,
        };
        for (rule, name) in conflicts(&seccomp) {
            let offset = offsets.get(rule).copied().unwrap_or(0);
            let name = name.to_owned();
            reader.problem(offset, ProblemKind::Conflict { name }, None);
        }
        reader.finish(value.document())?;
        Ok(seccomp)
    }

    /// Takes away the errnos beside actions that carry none. They mean nothing: runc ignores
    /// them, crun refuses the container for them, the spec says that it must.
    pub fn drop_idle_errnos(&mut self) {
        if !carries_errno(self.default_action) {
            self.default_errno = None;
        }
        for rule in &mut self.rules {
            if !carries_errno(rule.action) {
                rule.errno = None;
            }
        }
    }

    /// Whether there is any that [`Seccomp::drop_idle_errnos`] takes away.
    pub(crate) fn has_idle_errnos(&self) -> bool {
        let idle = |action, errno: Option<u32>| errno.is_some() && !carries_errno(action);
        let mut rules = self.rules.iter();
        idle(self.default_action, self.default_errno)
            || rules.any(|rule| idle(rule.action, rule.errno))
    }
}

fn carries_errno(action: Action) -> bool {
    matches!(action, Action::ScmpActErrno | Action::ScmpActTrace)
}

#[cfg(test)]
mod tests {
    use strict_json::{MAX_DEPTH, Text};

    use super::*;

    fn problem(seccomp: &str) -> String {
        let text = format!("{{\"linux\":\n{{\"seccomp\":{seccomp}}}}}");
        let text = Text::check(text.as_bytes(), MAX_DEPTH).expect("JSON");
        let linux = text.root().members().next().expect("linux");
        let seccomp = linux.value.members().next().expect("seccomp");
        let read = Seccomp::from_oci(&seccomp.value);
        read.expect_err("a problem").to_string()
    }

    #[test]
    fn places_are_those_in_the_whole_config() {
        let message = problem(r#"{"defaultAction":"ALLOW"}"#);
        assert!(
            message.starts_with("line 2, column 29: \"ALLOW\" is no action"),
            "{message}"
        );
    }

    #[test]
    fn a_request_that_decides_nothing_is_refused() {
        for nothing in ["null", "{}", r#"{"defaultAction":""}"#] {
            let message = problem(nothing);
            assert!(
                message.starts_with("line 2, column 12: the profile decides nothing"),
                "{message}"
            );
        }
    }

    #[test]
    fn a_request_with_one_condition_and_two_actions_is_refused() {
        let rule = |action: &str| {
            format!(
                r#"{{"names":["a"],"action":"SCMP_ACT_{action}",
                     "args":[{{"index":0,"value":1,"op":"SCMP_CMP_EQ"}}]}}"#
            )
        };
        let (log, kill) = (rule("LOG"), rule("KILL"));
        let message = problem(&format!(
            r#"{{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{log},{kill}]}}"#
        ));
        assert!(message.contains("same condition"), "{message}");
    }
}
