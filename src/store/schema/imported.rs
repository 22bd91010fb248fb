//! Tables that people bring in.

use diesel::table;

table! {
    imports (id) {
        id -> Text,
        kind -> Text,
        state -> Text,
        owner_id -> Text,
        digest -> Binary,
        size -> BigInt,
        encoding -> Nullable<Text>,
        separator -> Nullable<Text>,
        file_sealed -> Nullable<Binary>,
        about_sealed -> Binary,
        done -> BigInt,
        total -> BigInt,
        problems -> BigInt,
        broadcasts -> BigInt,
        recipients -> BigInt,
        doubles -> BigInt,
        created_at -> BigInt,
        ended_at -> Nullable<BigInt>,
        version -> BigInt,
    }
}
