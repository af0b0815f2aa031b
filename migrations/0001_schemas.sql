-- millrace: what Millrace itself keeps. log: one offline log per source, made by `millrace apply`.
CREATE SCHEMA millrace;
CREATE SCHEMA log;
