ALTER TABLE decisions ADD COLUMN answers TEXT;
