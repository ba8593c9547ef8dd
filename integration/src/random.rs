//! Numbers by chance, the same on each run.

/// xorshift64*: good enough to choose what to try.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// Numbers that depend on `seed` alone.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        // The state must not be 0; this sets neighbouring seeds far apart.
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Any number.
    pub fn any(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `end`; 0 if `end` is 0.
    pub fn below(&mut self, end: u32) -> u32 {
        let high = self.any() >> 33;
        let below = high.checked_rem(u64::from(end)).unwrap_or_default();
        u32::try_from(below).unwrap_or_default()
    }

    /// One of some.
    ///
    /// # Panics
    /// If there are none.
    #[expect(clippy::expect_used, reason = "a test ends here")]
    pub fn one_of<T: Copy>(&mut self, some: &[T]) -> T {
        let end = u32::try_from(some.len()).unwrap_or(u32::MAX);
        let at = usize::try_from(self.below(end)).unwrap_or_default();
        *some.get(at).expect("there are some to choose from")
    }
}
