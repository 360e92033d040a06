//! Paths, methods and headers that a framework may read otherwise than the gate.

use super::{Attack, Hostile, OWN, add_query, escaped, json, pick};
use crate::support::random::Random;

/// Reaches for an operation by another path.
pub(super) fn path(dice: &mut Random, made: &mut Hostile) {
    made.attack = Attack::Path;
    let target = made.target.clone();
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let last = path.rfind('/').map_or(0, |at| at + 1);
    let (folder, leaf) = path.split_at(last);
    let bent = match dice.below(19) {
        0 => path.to_ascii_uppercase(),
        1 => format!("{path}/"),
        2 => format!("{folder}/{leaf}"),
        3 => format!("{folder}./{leaf}"),
        4 => format!("{folder}x/../{leaf}"),
        5 => format!("{folder}x/%2e%2e/{leaf}"),
        6 => format!("{folder}{leaf}%2f..%2fbo"),
        7 => format!("{folder}{leaf};userId=bo"),
        8 => format!("{folder}{}", escaped(dice, leaf)),
        9 => format!("{folder}{leaf}%20"),
        10 => format!("{folder}{leaf}%00"),
        11 => format!("{}\\{leaf}", folder.trim_end_matches('/')),
        12 => format!("{path}#x"),
        13 => format!("http://api.example.com{path}"),
        14 => format!("http://globex@api.example.com{path}"),
        15 => path.replace("/v1/", "/V1/"),
        16 => format!("{folder}{}", leaf.replace('s', "%C5%BF")),
        17 => path.replace(
            "/ana",
            pick(dice, &["/bo", "/ANA", "/a%6ea", "/ana,bo", "/%61na"]),
        ),
        _ => path.replace("/app/", "/app/../dashboard/"),
    };
    made.target = bent;
    if !query.is_empty() {
        add_query(made, query);
    }
}

/// Replaces the method.
pub(super) fn method(dice: &mut Random, made: &mut Hostile) {
    made.attack = Attack::Method;
    // What method-override looks at.
    if dice.once_in(2) {
        made.body = Some(json());
        made.method = "POST".to_owned();
        let target = pick(
            dice,
            &[
                "/app/v1/missions",
                "/dashboard/v1/missions",
                "/app/v1/quizzes/q-1/answers",
            ],
        );
        target.clone_into(&mut made.target);
    }
    let to = pick(dice, &["DELETE", "PUT", "GET", "delete", "PURGE"]);
    match dice.below(8) {
        0..4 => {
            let name = pick(
                dice,
                &[
                    "x-http-method-override",
                    "X-HTTP-Method",
                    "X-Method-Override",
                    "x_http_method_override",
                    "X-Http_Method-Override",
                ],
            );
            made.headers.push((name.to_owned(), to.to_owned()));
        }
        4..7 => {
            let name = pick(
                dice,
                &[
                    "_method",
                    "%5Fmethod",
                    "_METHOD",
                    "_method[]",
                    "_method%5B0%5D",
                    "+_method",
                ],
            );
            add_query(made, &format!("{name}={to}"));
        }
        _ => {
            let method = pick(
                dice,
                &["PATCH", "OPTIONS", "HEAD", "get", "Delete", "PROPFIND"],
            );
            method.clone_into(&mut made.method);
        }
    }
}

/// Names a tenant, or who it is, in a header.
pub(super) fn header(dice: &mut Random, made: &mut Hostile) {
    made.attack = Attack::Header;
    let name = pick(
        dice,
        &[
            "x-workspace-id",
            "X_Workspace_Id",
            "x-workspace_id",
            "X-WORKSPACE-ID",
            "x.workspace.id",
            "x-user-id",
            "x_user_id",
            "x-tenant-id",
            "x-original-url",
            "X_Rewrite_Url",
            "x-palisade-workspace",
            "X_Palisade_Workspace",
            "x-palisade.account",
            "x-palisade-request-id",
            "connection",
        ],
    );
    let value = match name {
        "connection" => "keep-alive, x-palisade-workspace, x-palisade-account",
        "x-original-url" | "X_Rewrite_Url" => "/dashboard/v1/missions/m-1",
        "x-palisade.account" => "globex",
        _ if name.to_ascii_lowercase().contains("user") => "bo",
        _ => pick(
            dice,
            &[
                "globex-prod",
                "globex-prod",
                OWN,
                "acme-prod, globex-prod",
                "",
            ],
        ),
    };
    made.headers.push((name.to_owned(), value.to_owned()));
    if dice.once_in(5) {
        made.headers.push((name.to_owned(), OWN.to_owned()));
    }
}
