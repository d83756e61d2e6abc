//! How clients are pointed at Lazaret, and how well that holds: pure functions from what is on disk and what is wanted to
//! planned changes, and from what is on disk and what daemons say to diagnoses.
//!
//! `lazaret setup` and `lazaret doctor` read, write and run; every decision of theirs is made here.

mod address;
mod buildkit;
mod canary_said;
mod containerd;
mod diagnosis;
mod diff;
mod disk;
mod docker;
mod docker_faults;
mod hosts;
mod hosts_faults;
mod infer;
mod journal;
mod json_edit;
mod k3s;
mod login;
mod machine;
mod plan;
mod podman;
mod podman_faults;
mod programs;
mod programs_said;
mod report;
mod report_text;
mod shown;
mod systemd;
mod wanted;
mod zone;

pub use address::Address;
pub use canary_said::{Heard, Outcome, judge};
pub use diagnosis::{
    Diagnosis, Facts, Level, diagnose, hindrance, of_authorities, of_builder, of_egress,
    of_listener, of_mode,
};
pub use diff::unified;
pub use disk::{CA_FOLDER, Disk, Look, Seen, look};
pub use infer::infer;
pub use journal::{Entry, FOLDER as JOURNALS, Journal};
pub use login::{Login, masked};
pub use plan::{Change, Format, Obstacle, Plan, plan};
pub use programs::{Command, Program};
pub use programs_said::{builders, docker_info, major};
pub use report::{Checked, Report, Tried};
pub use report_text::{prometheus, text};
pub use shown::Shown;
pub use wanted::{Client, Route, Wanted};
pub use zone::Zone;
