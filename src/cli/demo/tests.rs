//! Tests of the demo as a whole.

use super::*;
use clap::Parser;

#[derive(Debug, Parser)]
struct Program {
    #[command(flatten)]
    demo: Args,
}

fn parse(line: &str) -> Result<Args, clap::Error> {
    Program::try_parse_from(line.split(' ')).map(|program| program.demo)
}

#[test]
fn the_ports_are_as_documented() {
    let args = parse("demo").unwrap();
    assert_eq!(
        (args.port, args.admin_port, args.control_port),
        (8080, 9901, 9902)
    );
}

#[test]
fn a_token_is_asked_for_by_name() {
    let args = parse("demo token --user hr-sync --context dashboard --dir d").unwrap();
    let Some(Command::Token(token)) = args.command else {
        panic!("no token")
    };
    assert_eq!(token.user, Person::HrSync);
    assert_eq!(token.context, Some(Context::Dashboard));
}

#[test]
fn an_unknown_user_is_a_usage_error_that_lists_the_known() {
    let error = parse("demo token --user zoe").unwrap_err();
    assert_eq!(error.exit_code(), 2);
    let text = error.to_string();
    assert!(text.contains("zoe"), "{text}");
    assert!(text.contains("ana, edi, adi, bo, root, hr-sync"), "{text}");
}

#[test]
fn a_folder_without_a_demo_says_how_to_make_one() {
    let dir = tempfile::tempdir().unwrap();
    let args = TokenArgs {
        user: Person::Ana,
        context: None,
        dir: Some(dir.path().to_owned()),
    };
    let error = print_token(&args, &mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains("palisade demo --dir"), "{error}");
}

#[test]
fn a_token_is_printed_alone_on_its_line() {
    let dir = tempfile::tempdir().unwrap();
    key::Key::generate().unwrap().keep(dir.path()).unwrap();
    let args = TokenArgs {
        user: Person::Root,
        context: None,
        dir: Some(dir.path().to_owned()),
    };
    let mut out = Vec::new();
    print_token(&args, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert_eq!(text.lines().count(), 1);
    assert_eq!(text.trim().split('.').count(), 3);
}

#[test]
fn ids_are_version_4_uuids() {
    let id = random_uuid().unwrap();
    let groups: Vec<&str> = id.split('-').collect();
    assert_eq!(
        groups.iter().map(|group| group.len()).collect::<Vec<_>>(),
        [8, 4, 4, 4, 12]
    );
    assert!(groups[2].starts_with('4'), "{id}");
    assert!(groups[3].starts_with(['8', '9', 'a', 'b']), "{id}");
}
