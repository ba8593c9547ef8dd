//! Classic BPF's instructions: `struct sock_filter` of include/uapi/linux/filter.h.
#![forbid(unsafe_code)]

/// The size of an instruction in bytes.
pub(crate) const INSTRUCTION_BYTES: usize = 8;

/// The order of bytes in a machine's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endian {
    /// Most significant byte first, e.g. s390x.
    Big,
    /// Least significant byte first, e.g. x86-64.
    Little,
}

impl Endian {
    /// The order of the machine that this runs on.
    #[must_use]
    pub fn host() -> Self {
        if cfg!(target_endian = "big") {
            Self::Big
        } else {
            Self::Little
        }
    }

    /// The order of the machine with this audit number: `__AUDIT_ARCH_LE` is bit 30.
    #[must_use]
    pub fn of_audit_arch(arch: u32) -> Self {
        if arch & 0x4000_0000 == 0 {
            Self::Big
        } else {
            Self::Little
        }
    }
}

/// One instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Instruction {
    /// The opcode: class, size or operation, mode or source.
    pub code: u16,
    /// How many instructions a jump whose condition holds passes over.
    pub jt: u8,
    /// The same where it does not hold.
    pub jf: u8,
    /// The operand: a constant, an offset in bytes, a jump's distance, a return value.
    pub k: u32,
}

impl Instruction {
    /// An instruction that does not branch.
    #[must_use]
    pub const fn new(code: u16, k: u32) -> Self {
        Self::jump(code, k, 0, 0)
    }

    /// A conditional jump.
    #[must_use]
    pub const fn jump(code: u16, k: u32, jt: u8, jf: u8) -> Self {
        Self { code, jt, jf, k }
    }

    /// As the machine of that order lays it in memory.
    #[must_use]
    pub fn to_bytes(self, endian: Endian) -> [u8; INSTRUCTION_BYTES] {
        let ([c0, c1], [k0, k1, k2, k3]) = match endian {
            Endian::Big => (self.code.to_be_bytes(), self.k.to_be_bytes()),
            Endian::Little => (self.code.to_le_bytes(), self.k.to_le_bytes()),
        };
        [c0, c1, self.jt, self.jf, k0, k1, k2, k3]
    }

    /// Reads what [`Instruction::to_bytes`] writes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; INSTRUCTION_BYTES], endian: Endian) -> Self {
        let [c0, c1, jt, jf, k0, k1, k2, k3] = bytes;
        let (code, k) = ([c0, c1], [k0, k1, k2, k3]);
        match endian {
            Endian::Big => Self::jump(u16::from_be_bytes(code), u32::from_be_bytes(k), jt, jf),
            Endian::Little => Self::jump(u16::from_le_bytes(code), u32::from_le_bytes(k), jt, jf),
        }
    }
}

/// The parts of opcodes (include/uapi/linux/bpf_common.h), put together as seccomp allows them.
pub(crate) mod op {
    pub(crate) const LD_IMM: u16 = 0x00;
    pub(crate) const LD_ABS: u16 = 0x20;
    pub(crate) const LD_MEM: u16 = 0x60;
    pub(crate) const LD_LEN: u16 = 0x80;
    pub(crate) const LDX_IMM: u16 = 0x01;
    pub(crate) const LDX_MEM: u16 = 0x61;
    pub(crate) const LDX_LEN: u16 = 0x81;
    pub(crate) const ST: u16 = 0x02;
    pub(crate) const STX: u16 = 0x03;
    pub(crate) const ADD_K: u16 = 0x04;
    pub(crate) const ADD_X: u16 = 0x0c;
    pub(crate) const SUB_K: u16 = 0x14;
    pub(crate) const SUB_X: u16 = 0x1c;
    pub(crate) const MUL_K: u16 = 0x24;
    pub(crate) const MUL_X: u16 = 0x2c;
    pub(crate) const DIV_K: u16 = 0x34;
    pub(crate) const DIV_X: u16 = 0x3c;
    pub(crate) const OR_K: u16 = 0x44;
    pub(crate) const OR_X: u16 = 0x4c;
    pub(crate) const AND_K: u16 = 0x54;
    pub(crate) const AND_X: u16 = 0x5c;
    pub(crate) const LSH_K: u16 = 0x64;
    pub(crate) const LSH_X: u16 = 0x6c;
    pub(crate) const RSH_K: u16 = 0x74;
    pub(crate) const RSH_X: u16 = 0x7c;
    pub(crate) const NEG: u16 = 0x84;
    pub(crate) const XOR_K: u16 = 0xa4;
    pub(crate) const XOR_X: u16 = 0xac;
    pub(crate) const JA: u16 = 0x05;
    pub(crate) const JEQ_K: u16 = 0x15;
    pub(crate) const JEQ_X: u16 = 0x1d;
    pub(crate) const JGT_K: u16 = 0x25;
    pub(crate) const JGT_X: u16 = 0x2d;
    pub(crate) const JGE_K: u16 = 0x35;
    pub(crate) const JGE_X: u16 = 0x3d;
    pub(crate) const JSET_K: u16 = 0x45;
    pub(crate) const JSET_X: u16 = 0x4d;
    pub(crate) const RET_K: u16 = 0x06;
    pub(crate) const RET_A: u16 = 0x16;
    pub(crate) const TAX: u16 = 0x07;
    pub(crate) const TXA: u16 = 0x87;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instruction_survives_its_bytes_in_both_orders() {
        let jump = Instruction::jump(op::JEQ_K, 0xc000_003e, 1, 2);
        assert_eq!(
            jump.to_bytes(Endian::Little),
            [0x15, 0, 1, 2, 0x3e, 0, 0, 0xc0]
        );
        assert_eq!(
            jump.to_bytes(Endian::Big),
            [0, 0x15, 1, 2, 0xc0, 0, 0, 0x3e]
        );
        for endian in [Endian::Big, Endian::Little] {
            assert_eq!(Instruction::from_bytes(jump.to_bytes(endian), endian), jump);
        }
    }
}
