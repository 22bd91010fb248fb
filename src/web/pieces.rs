//! A file as an answer, sent piece by piece while it is made.

use actix_web::{HttpResponse, HttpResponseBuilder, web::Bytes};

use crate::app::pieces::Pieces;

/// The pieces of a file, as they come.
pub fn streamed(mut answer: HttpResponseBuilder, media: &str, file: impl Pieces + 'static) -> HttpResponse {
    let pieces = futures_util::stream::unfold(Some(file), |file| async move {
        let mut file = file?;
        match file.next().await {
            Ok(Some(text)) => Some((Ok(Bytes::from(text)), Some(file))),
            Ok(None) => None,
            // The connection is cut, so that nobody takes half a file for a whole one.
            Err(error) => Some((Err(std::io::Error::other(error.to_string())), None)),
        }
    });
    answer.content_type(media.to_owned()).streaming(pieces)
}
