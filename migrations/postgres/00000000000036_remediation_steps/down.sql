DROP TABLE remediation_steps;
