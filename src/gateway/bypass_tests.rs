use super::*;

const DENIED: Step = Step::Denied {
    again: false,
    by: None,
};
const DENIED_HEAD: Step = Step::Denied {
    again: true,
    by: None,
};

fn client(number: u32) -> Client {
    Client {
        address: std::net::Ipv4Addr::from(number).into(),
        user_agent: "docker/29".into(),
        listener: "mirror",
        identity: None,
    }
}

fn repository(name: &str) -> Repository {
    format!("docker.io/acme/{name}").parse().unwrap()
}

/// Second, repository, step.
type Seen = (u64, &'static str, Step);

/// Steps of one client at seconds, with the repository's name; the signs that are told by the end.
fn signs(steps: &[Seen], until: u64) -> Vec<Sign> {
    let (start, mut watch, mut found) = (Instant::now(), Watch::default(), Vec::new());
    let mut steps = steps.iter().peekable();
    for second in 0..=until {
        let now = start + Duration::from_secs(second);
        while let Some((_, name, step)) = steps.next_if(|(at, ..)| *at == second) {
            let told = watch.see(now, &client(1), &repository(name), *step);
            found.extend(told.map(|by| by.sign));
        }
        if second % 30 == 0 {
            found.extend(watch.overdue(now).iter().map(|by| by.sign));
        }
    }
    found
}

const UNOPENED: Step = Step::Unopened { known: false };

#[test]
fn a_pull_that_goes_its_way_is_not_suspected() {
    let table: [(&str, &[Seen]); 9] = [
        ("nothing", &[]),
        (
            "allowed",
            &[
                (0, "a", Step::TookIndex),
                (1, "a", Step::Took),
                (2, "a", Step::Took),
            ],
        ),
        ("refused", &[(0, "a", DENIED)]),
        ("refused twice", &[(0, "a", DENIED_HEAD), (1, "a", DENIED)]),
        (
            "refused, another tag",
            &[
                (0, "a", DENIED_HEAD),
                (1, "a", DENIED),
                (9, "a", Step::Took),
            ],
        ),
        (
            "waited",
            &[
                (0, "a", Step::SentRound),
                (20, "a", Step::SentRound),
                (40, "a", Step::Took),
            ],
        ),
        (
            "waited, refused",
            &[(0, "a", Step::SentRound), (20, "a", DENIED)],
        ),
        (
            "refused while it was pulled",
            &[
                (0, "a", Step::Took),
                (1, "a", Step::Unopened { known: true }),
            ],
        ),
        (
            "two known images",
            &[(0, "a", Step::TookIndex), (1, "b", Step::TookIndex)],
        ),
    ];
    for (what, steps) in table {
        assert_eq!(signs(steps, 8_000), [], "{what}");
    }
}

#[test]
fn each_way_round_leaves_its_sign() {
    let table: [(&str, &[Seen], &[Sign]); 9] = [
        (
            "refused, and the layers all the same",
            &[
                (0, "a", DENIED),
                (5, "a", UNOPENED),
                (5, "a", UNOPENED),
                (6, "a", UNOPENED),
            ],
            &[Sign::ContentAfterDenial],
        ),
        (
            "refused in one repository, content of another",
            &[(0, "a", DENIED), (5, "b", UNOPENED)],
            &[Sign::UnknownContent],
        ),
        (
            "refused long ago",
            &[(0, "a", DENIED), (601, "a", UNOPENED)],
            &[Sign::UnknownContent],
        ),
        (
            "never asked for the manifest",
            &[(0, "a", UNOPENED)],
            &[Sign::UnknownContent],
        ),
        (
            "HEAD and no GET",
            &[(0, "a", DENIED_HEAD)],
            &[Sign::NoFollowUp],
        ),
        (
            "HEAD, no GET, then the layers",
            &[(0, "a", DENIED_HEAD), (5, "a", UNOPENED)],
            &[Sign::ContentAfterDenial],
        ),
        (
            "sent round, gone",
            &[(0, "a", Step::SentRound), (20, "a", Step::SentRound)],
            &[Sign::LeftWaiting],
        ),
        (
            "three indexes, no image",
            &[
                (0, "a", Step::TookIndex),
                (1, "b", Step::TookIndex),
                (2, "c", Step::TookIndex),
            ],
            &[Sign::IndexOnly],
        ),
        (
            "again after an hour",
            &[
                (0, "a", UNOPENED),
                (1_800, "a", UNOPENED),
                (3_700, "a", UNOPENED),
            ],
            &[Sign::UnknownContent, Sign::UnknownContent],
        ),
    ];
    for (what, steps, wanted) in table {
        assert_eq!(signs(steps, 8_000), wanted, "{what}");
    }
}

#[test]
fn one_clients_steps_are_not_anothers() {
    let (now, mut watch, name) = (Instant::now(), Watch::default(), repository("a"));
    assert_eq!(watch.see(now, &client(1), &name, DENIED_HEAD), None);
    assert_eq!(watch.see(now, &client(2), &name, Step::Took), None);
    let told = watch.overdue(now + FOLLOWS);
    assert_eq!(told.len(), 1);
    assert_eq!((&told[0].client, told[0].times), (&client(1), 1));
    let told = watch.see(now, &client(1), &repository("b"), UNOPENED);
    assert_eq!(told.unwrap().times, 2);
}

#[test]
fn the_memory_is_bounded_and_ends() {
    let (start, mut watch) = (Instant::now(), Watch::default());
    for number in 0..10_000 {
        let now = start + Duration::from_millis(number.into());
        watch.see(now, &client(number), &repository("a"), DENIED);
    }
    assert_eq!(watch.trails.len(), MAX_CLIENTS);
    assert!(watch.trails.contains_key(&client(9_999)));
    for number in 0..1_000 {
        watch.see(
            start,
            &client(9_999),
            &repository(&format!("r{number}")),
            DENIED,
        );
    }
    assert_eq!(watch.trails[&client(9_999)].traces.len(), MAX_STEPS);
    watch.overdue(start + Duration::from_secs(10_000));
    assert!(watch.trails.is_empty());
}

#[test]
fn people_are_told_of_so_many_and_no_more() {
    let (start, mut watch) = (Instant::now(), Watch::default());
    let of = |sign, times| Suspicion {
        client: client(1),
        repository: repository("a"),
        sign,
        decision: None,
        times,
    };
    let (sure, unsure) = (Sign::UnknownContent, Sign::NoFollowUp);
    assert!(!watch.tells(start, &of(unsure, 1)));
    assert!(watch.tells(start, &of(unsure, 2)));
    let told = (0..1_000)
        .filter(|_| watch.tells(start, &of(sure, 1)))
        .count();
    assert_eq!(told, 99);
    assert!(watch.tells(start + TOGETHER, &of(sure, 1)));
}
