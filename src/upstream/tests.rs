//! Against a small registry on a real socket.
