DROP TABLE timestamps;
