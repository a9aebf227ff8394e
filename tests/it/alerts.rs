//! Alerts that reach people: real messages to small servers of our own.

mod channels;
mod expected;
mod faults;
mod http;
mod lifecycle;
mod scene;
mod settings;
mod smtp;
