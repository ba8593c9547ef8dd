//! What is left of a filter once a call's architecture and number are known.
#![forbid(unsafe_code)]

use std::collections::HashMap;

/// A word of the call's arguments, or some of its bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Word {
    /// Where it stands in `struct seccomp_data`, in bytes.
    pub(super) offset: u32,
    /// The bits of it that count.
    pub(super) mask: u32,
}

/// A decision; two that are the same have the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Tree(usize);

/// What a decision begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Node {
    /// It is made.
    Return(u32),
    /// It hangs on a word.
    Test {
        word: Word,
        /// The comparison's opcode.
        code: u16,
        k: u32,
        yes: Tree,
        no: Tree,
    },
}

/// All decisions of a filter, each once.
#[derive(Debug, Default)]
pub(super) struct Forest {
    nodes: Vec<Node>,
    known: HashMap<Node, Tree>,
}

impl Forest {
    /// The decision that begins with `node`.
    pub(super) fn plant(&mut self, node: Node) -> Tree {
        if let Node::Test { yes, no, .. } = node
            && yes == no
        {
            return yes;
        }
        let next = Tree(self.nodes.len());
        let tree = *self.known.entry(node).or_insert(next);
        if tree == next {
            self.nodes.push(node);
        }
        tree
    }

    /// What `tree` begins with.
    pub(super) fn node(&self, tree: Tree) -> Node {
        // Every tree was given out by `plant`; one that was not would kill.
        let node = self.nodes.get(tree.0).copied();
        node.unwrap_or(Node::Return(KILL_PROCESS))
    }
}

/// `SECCOMP_RET_KILL_PROCESS`.
const KILL_PROCESS: u32 = 0x8000_0000;
