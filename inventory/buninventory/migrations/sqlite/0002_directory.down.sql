DROP TABLE directory_states;
DROP TABLE directory_groups;
