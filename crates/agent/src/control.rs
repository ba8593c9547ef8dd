//! The control socket: questions in lines, each answered by one JSON line.
#![forbid(unsafe_code)]

use std::sync::Arc;
use std::time::SystemTime;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

use crate::attend::describe;
use crate::container::Container;
use crate::serve::Agent;

/// The longest question, in bytes.
const LONGEST: u64 = 256;
/// Kinds of denials that are told of one container, the most frequent ones.
const KINDS: usize = 32;

/// Answers until the other side has no more questions.
pub(crate) async fn attend(agent: Arc<Agent>, stream: UnixStream) {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    loop {
        let mut question = String::new();
        let read = (&mut read).take(LONGEST).read_line(&mut question).await;
        if !matches!(read, Ok(count) if count > 0) {
            return;
        }
        let answer = match question.trim() {
            "top" => top(&agent),
            _ => json!({"error": "the agent knows no such question"}),
        };
        if write
            .write_all(format!("{answer}\n").as_bytes())
            .await
            .is_err()
        {
            return;
        }
    }
}

/// Who was denied what until now.
fn top(agent: &Agent) -> Value {
    let mut containers = agent.containers.all();
    containers.retain(|one| one.is_attached() || one.denials().totals().0 > 0);
    let containers: Vec<_> = containers.iter().map(|one| tell(one)).collect();
    json!({
        "time": humantime::format_rfc3339_millis(SystemTime::now()).to_string(),
        "containers": containers,
        "droppedLines": agent.journal.dropped(),
    })
}

fn tell(container: &Container) -> Value {
    let mut fields = container.names();
    // The lock is not held while values are made.
    let (totals, kinds) = {
        let denials = container.denials();
        (denials.totals(), denials.most_frequent(KINDS))
    };
    let kinds: Vec<_> = kinds
        .iter()
        .map(|one| {
            let mut fields = serde_json::Map::new();
            if let Some(kind) = one.kind {
                describe(&mut fields, &kind, one.pid);
            }
            fields.insert("count".to_owned(), json!(one.total));
            Value::Object(fields)
        })
        .collect();
    fields.insert("attached".to_owned(), json!(container.is_attached()));
    fields.insert("denials".to_owned(), json!(totals.0));
    fields.insert("kinds".to_owned(), json!(kinds));
    Value::Object(fields)
}
