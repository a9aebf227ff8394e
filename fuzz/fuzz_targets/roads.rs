//! Any schema, any bytes: the direct road and the exact road of the decoder, in one piece and in segments, lead to the
//! same rows, the same rejects and the same error.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: (u64, &[u8])| {
    let (seed, bytes) = input;
    lakegate::decode::roads::compare(seed, bytes);
});
