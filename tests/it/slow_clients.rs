//! Clients that are slow, that stop, and that go away: none holds anything, and the others do not notice.

mod crowd;

const READ: &str = "/app/v1/missions";
const CREATE: &str = "/dashboard/v1/missions";
