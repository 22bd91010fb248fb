DROP TABLE notices;
DROP TABLE mail_addresses;
