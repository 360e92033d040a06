//! A service that believes the assertion alone: `verify JWKS_URL ISSUER AUDIENCE [PORT]`.

#![expect(clippy::print_stdout, reason = "it tells what it serves")]
#![expect(unreachable_pub, reason = "the verifier is a file to copy")]

mod fetch;
mod verifier;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::net::TcpListener;
use verifier::Verifier;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [jwks, issuer, audience, rest @ ..] = &arguments[..] else {
        return Err("usage: verify JWKS_URL ISSUER AUDIENCE [PORT]".into());
    };
    let port = rest.first().map_or(Ok(0), |port| port.parse())?;
    let verifier = Arc::new(Verifier::new(jwks, issuer, audience));
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("listening on {}", listener.local_addr()?.port());
    let service = axum::Router::new().fallback(answer).with_state(verifier);
    Ok(axum::serve(listener, service).await?)
}

async fn answer(
    State(verifier): State<Arc<Verifier>>,
    request: Request,
) -> (StatusCode, Json<Value>) {
    let (parts, _) = request.into_parts();
    match verifier.claims(&parts).await {
        Ok(claims) => {
            let (account, workspace) = (&claims.account, &claims.workspace);
            println!("{} for {account:?}/{workspace:?}", claims.action);
            let told = json!({"account": account, "workspace": workspace, "user": claims.user});
            (StatusCode::OK, Json(told))
        }
        Err(why) => {
            println!("refused: {why}");
            (StatusCode::UNAUTHORIZED, Json(json!({ "error": why })))
        }
    }
}
