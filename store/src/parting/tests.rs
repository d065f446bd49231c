use ainfera_schema::audit_break::MissingEvents;

use super::*;

fn parting(parted_after: i64, lost_number: i64, missing: &[(&str, i64, i64)]) -> Parting {
    let missing: Vec<_> = missing
        .iter()
        .map(|(agent, first_seq, last_seq)| MissingEvents {
            agent_id: (*agent).to_owned(),
            first_seq: *first_seq,
            last_seq: *last_seq,
            event_hash: "a".repeat(64),
        })
        .collect();
    Parting {
        parted_after,
        parted_at: None,
        lost_number,
        lost_hash: format!("lost {lost_number}"),
        lost_created_at: String::new(),
        lost_tree_size: 0,
        missing_events: 0,
        missing,
        listing: Listing::Whole,
        found_by: format!("replica {lost_number}"),
    }
}

fn declared(partings: Vec<Parting>, previous: Option<&AuditBreak>) -> Option<AuditBreak> {
    let declaration =
        Declaration { declared_by: "somebody".to_owned(), reason: "restored".to_owned() };
    let newest = Some(Newest { number: 5, hash: "there".to_owned() });
    compose_break(
        partings,
        newest,
        previous,
        Timestamp::UNIX_EPOCH,
        declaration,
        &CheckpointSigner::new(&[1; 32]),
    )
}

fn kept(number: i64, hash: &str, break_hash: Option<&str>) -> Kept {
    Kept { number, hash: hash.to_owned(), break_hash: break_hash.map(str::to_owned) }
}

fn seen(hash_there: Option<&str>) -> Seen {
    Seen { open_partings: 0, hash_there: hash_there.map(str::to_owned), newest_break: None }
}

#[test]
fn a_database_that_has_what_is_kept_goes_on_and_one_that_has_not_does_not() {
    let kept = kept(7, "mine", None);
    assert_eq!(
        seen(None).standing(None, &[]),
        Standing::Continues { newest_break: None },
        "a new machine"
    );
    assert_eq!(
        seen(Some("mine")).standing(Some(&kept), &[]),
        Standing::Continues { newest_break: None }
    );
    assert_eq!(seen(None).standing(Some(&kept), &[]), Standing::Parted, "behind");
    assert_eq!(seen(Some("other")).standing(Some(&kept), &[]), Standing::Parted, "another branch");
    let said_by_another = Seen { open_partings: 1, ..seen(Some("mine")) };
    assert_eq!(said_by_another.standing(Some(&kept), &[]), Standing::Parted);
}

#[test]
fn a_break_covers_the_records_it_names_for_readers_that_did_not_know_it() {
    let first = declared(vec![parting(4, 7, &[])], None).unwrap();
    let breaks = [first.clone()];
    let standing = |kept: &Kept| seen(Some("other")).standing(Some(kept), &breaks);
    for number in [5, 7] {
        assert!(
            matches!(standing(&kept(number, "mine", None)), Standing::Declared { .. }),
            "{number}"
        );
    }
    for number in [4, 8] {
        assert_eq!(
            standing(&kept(number, "mine", None)),
            Standing::Parted,
            "{number} is not among those that were declared lost"
        );
    }
    // signed after the break was declared, and lost again
    assert_eq!(standing(&kept(6, "mine", Some(&first.hash))), Standing::Parted);
    // the break that it knew was lost with the database, and another was declared
    assert!(matches!(standing(&kept(6, "mine", Some("gone"))), Standing::Declared { .. }));
}

#[test]
fn breaks_are_numbered_and_linked_and_one_settles_all_that_was_found() {
    assert_eq!(declared(Vec::new(), None), None);
    let first = declared(vec![parting(4, 7, &[("a", 3, 5)])], None).unwrap();
    assert_eq!((first.number, first.after_number, first.previous_hash.as_deref()), (1, 5, None));
    let found = vec![parting(3, 6, &[("a", 3, 4), ("b", 1, 2)]), parting(4, 7, &[("a", 4, 5)])];
    let second = declared(found, Some(&first)).unwrap();
    assert_eq!((second.number, second.previous_hash.as_ref()), (2, Some(&first.hash)));
    assert_eq!((second.parting.parted_after, second.parting.lost_number), (3, 7));
    let missing: Vec<_> = second
        .parting
        .missing
        .iter()
        .map(|events| (events.agent_id.as_str(), events.first_seq, events.last_seq))
        .collect();
    assert_eq!(missing, [("a", 3, 5), ("b", 1, 2)]);
    assert_eq!(second.parting.missing_events, 5);
    assert_eq!(second.check(std::slice::from_ref(&second.public_key)), Ok(()));
}
