//! What the requester asked for on the same connection before.

use countersign_app::submit::keys_of;
use countersign_app::view::may_see;
use countersign_app::{App, Caller};
use countersign_rules::{Request, RequestId};
use countersign_storage::Key;
use countersign_storage::lists::{Source, Window};

/// How many earlier requests are looked at for one on the same connection.
const LOOK_BACK: usize = 8;

/// What the requester asked for on this connection before, if whoever looks may see it. It is worth no
/// error.
pub(super) async fn before(app: &App, request: &Request, caller: &Caller) -> Option<(RequestId, String)> {
    let mut window = Window::everything(app.now());
    window.before = Some(request.id);
    let page = app.store.list(&Source::Requester(request.requester.user), window, LOOK_BACK).await.ok()?;
    if page.ids.is_empty() {
        return None;
    }
    // Their states first: most are about other connections, and a command may be long.
    let states: Vec<Key> = page.ids.iter().copied().map(Key::State).collect();
    let found = app.store.read("before", &states).await.ok()?;
    let earlier = page.ids.iter().find_map(|id| {
        let earlier = found.request(*id).ok()??;
        (earlier.connection == request.connection && may_see(&earlier, caller)).then_some(*id)
    })?;
    let found = app.store.read("before", &keys_of(earlier)).await.ok()?;
    let created = found.created(earlier).ok()??;
    Some((earlier, created.command))
}
