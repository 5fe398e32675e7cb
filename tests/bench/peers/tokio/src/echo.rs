//! A TCP echo server: a task a connection.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

pub async fn serve() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap().port());
    loop {
        let (mut connection, _) = listener.accept().await.unwrap();
        tokio::spawn(async move {
            let mut room = [0; 4096];
            while let Ok(bytes) = connection.read(&mut room).await {
                if bytes == 0 || connection.write_all(&room[..bytes]).await.is_err() {
                    return;
                }
            }
        });
    }
}
