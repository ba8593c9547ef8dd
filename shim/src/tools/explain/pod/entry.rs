//! What there is to say of one container of a manifest, for people and as JSON.

use std::path::Path;

use serde_json::{Value, json};

use crate::tools::explain::answer::Answer;
use crate::tools::explain::kubelet::{Asks, Denied, Selected};
use crate::tools::explain::manifest::{Container, Pod};
use crate::tools::put;

/// What there is to say of one container.
pub(super) struct Entry<'m> {
    pub(super) pod: &'m Pod,
    /// None for the sandbox.
    pub(super) container: Option<&'m Container>,
    pub(super) namespace: &'m str,
    pub(super) handler: String,
    /// What the kubelet asks for.
    pub(super) selected: Result<Selected, Denied>,
    pub(super) privileged: bool,
    pub(super) notes: Vec<String>,
    pub(super) decided: Option<Result<Answer, String>>,
    /// Why the result is not known, where it is not.
    pub(super) unknown: Option<String>,
}

impl Entry<'_> {
    pub(super) fn is_refused(&self) -> bool {
        self.selected.is_err() || matches!(self.decided, None | Some(Err(_)))
    }

    fn kind(&self) -> &'static str {
        self.container.map_or("sandbox", |container| container.kind)
    }

    fn line(&self) -> usize {
        self.container
            .map_or(self.pod.line, |container| container.line)
    }

    pub(super) fn text(&self, file: &Path, folder: &Path) -> String {
        let name = self
            .container
            .map(|container| format!(" {}", container.name));
        let mut text = format!(
            "{}, {}{} ({}:{})\n",
            self.pod.owner,
            self.kind(),
            name.unwrap_or_default(),
            file.display(),
            self.line()
        );
        let mut line = |label: &str, words: &str| text.push_str(&format!("{label:<12}{words}\n"));
        match &self.selected {
            Err(Denied::ByApiServer(reasons)) => {
                line("kubernetes", "the API server refuses the pod:");
                for reason in reasons {
                    line("", reason);
                }
            }
            Err(Denied::ByKubelet(reason)) => {
                line(
                    "kubernetes",
                    &format!("the kubelet refuses the container: {reason}"),
                );
            }
            Ok(selected) => {
                let asks = match &selected.asks {
                    Asks::RuntimeDefault => "RuntimeDefault".to_owned(),
                    Asks::Unconfined => "Unconfined".to_owned(),
                    Asks::Localhost(path) => format!("Localhost {}", path.display()),
                };
                line("kubernetes", &format!("{asks}: {}", selected.by));
                if self.privileged {
                    line(
                        "",
                        "but it is privileged, so that the engine gives it no profile",
                    );
                }
            }
        }
        line("handler", &self.handler);
        for note in &self.notes {
            line("note", note);
        }
        match &self.decided {
            None => {}
            Some(Err(reason)) => line("refused", &format!("the create would be refused: {reason}")),
            Some(Ok(answer)) => {
                text.push_str(&answer.text(folder, self.unknown.is_none()));
                if let Some(reason) = &self.unknown {
                    text.push_str(&format!(
                        "{:<12}not known here, since {reason}; ask on a node\n",
                        "result"
                    ));
                }
            }
        }
        text.push('\n');
        text
    }

    pub(super) fn json(&self) -> Value {
        let mut value = match &self.decided {
            Some(Ok(answer)) => answer.json(),
            Some(Err(reason)) => json!({"result": "refused", "reason": reason}),
            None => json!({"result": "refused"}),
        };
        if let (Some(reason), Some(fields)) = (&self.unknown, value.as_object_mut()) {
            for key in ["seccomp", "sha256", "result", "rounded", "changesBundle"] {
                fields.remove(key);
            }
            fields.insert("unknown".to_owned(), json!(reason));
        }
        put(&mut value, "owner", json!(self.pod.owner));
        put(&mut value, "pod", json!(self.pod.name));
        put(&mut value, "namespace", json!(self.namespace));
        put(
            &mut value,
            "container",
            json!(self.container.map(|container| &container.name)),
        );
        put(&mut value, "kind", json!(self.kind()));
        put(&mut value, "line", json!(self.line()));
        put(&mut value, "handler", json!(self.handler));
        put(&mut value, "notes", json!(self.notes));
        put(&mut value, "kubernetes", self.kubernetes());
        value
    }

    /// What Kubernetes makes of the fields.
    fn kubernetes(&self) -> Value {
        let selected = match &self.selected {
            Err(Denied::ByApiServer(reasons)) => return json!({"rejectedByApiServer": reasons}),
            Err(Denied::ByKubelet(reason)) => return json!({"error": reason}),
            Ok(selected) => selected,
        };
        let mut asks = match &selected.asks {
            Asks::RuntimeDefault => json!({"type": "RuntimeDefault"}),
            Asks::Unconfined => json!({"type": "Unconfined"}),
            Asks::Localhost(path) => json!({"type": "Localhost", "path": path.to_string_lossy()}),
        };
        if self.privileged {
            return json!({"type": "Unconfined", "because": "privileged", "requested": asks});
        }
        put(&mut asks, "by", json!(selected.by));
        put(&mut asks, "implicit", json!(selected.implicit));
        asks
    }
}
