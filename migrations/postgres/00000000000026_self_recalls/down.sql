DROP TABLE self_recalls;
